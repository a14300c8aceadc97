/**
 * What the studio says about another prompt for a video that is being made. Pure: no DOM, no clock.
 * @module
 */
import { growsBackwards } from "./frame_map.js";
import { shortSeconds } from "./measures.js";
import { sectionsLeft } from "./session_words.js";

/** The prompt of what is not made yet. */
export function promptOfTheRest({ nextPrompt, settings, plan }) {
  const last = growsBackwards(plan) ? undefined : settings.promptChanges.at(-1);
  return nextPrompt ?? last?.prompt ?? settings.prompt;
}

/** `Counts from 2.4 s to the end. The section in work is finished first.` */
export function steeringHint(view) {
  const { plan } = view;
  const left = sectionsLeft(view);
  const start = Math.min(...left.map(({ start }) => start));
  const end = Math.max(...left.map(({ end }) => end));
  const from = start === 0 ? "" : ` from ${shortSeconds(start / plan.frameRate)}`;
  const to = end === plan.frames ? " to the end" : ` up to ${shortSeconds(end / plan.frameRate)}`;
  const range = from === "" && end === plan.frames ? " for the whole video" : `${from}${to}`;
  return `Counts${range}. ${
    view.state === "running" ? "The section in work is finished first. " : ""
  }What is made stays as it is.`;
}
