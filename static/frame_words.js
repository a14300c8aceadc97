/**
 * What the timeline and the desk say about frames, and about sections that have some. Pure: no DOM, no clock.
 * @module
 */
import { sectionAt, sectionSeconds, sectionState, stateAt } from "./frame_map.js";
import { duration, ordinal, stateWords, timecode } from "./measures.js";

/** `5.87 seconds, frame 176 of 289, section 4, final`: what a screen reader says of the playhead. */
export function playheadInWords(view, frame) {
  const { plan, frameMap } = view;
  const seconds = (frame / plan.frameRate).toFixed(2);
  return `${seconds} seconds, ${frameOf(plan, frame)}, section ${sectionAt(plan, frame)}, ${
    stateWords[stateAt(frameMap, frame)]
  }`;
}

/** `frame 232 of 289` */
export function frameOf(plan, frame) {
  return `frame ${frame} of ${plan.frames}`;
}

/** `of 0:06.00`, for the narrow head of a phone. */
export function lengthOf(plan) {
  return `of ${timecode(plan.frames - 1, plan.frameRate)}`;
}

/** How sure a frame is: the line of the hover card. */
export function certainty(view, frame) {
  const state = stateAt(view.frameMap, frame);
  const section = sectionAt(view.plan, frame);
  if (state === "final") return "Final, same as the file";
  if (state === "provisional") return "May still change: it is blended once with the section before it";
  if (state === "decoding") return `Section ${section} is being decoded`;
  if (state === "sampling") return inWork(view);
  return isOver(view) ? "Not made." : `Not made yet. Its turn is ${ordinal(section)}.`;
}

function inWork({ settings, progress: { step, steps } }) {
  return settings.previews && step > 0 ? `Preview of step ${step}` : `Being made: step ${step} of ${steps}`;
}

/** The desk: `{ bold: "Section 3 of 8", plain: ", 6.1 s to 7.3 s. Made in 31 s. Seed 31337." }` */
export function sectionFacts(view, section) {
  const { startSeconds, endSeconds } = sectionSeconds(view.plan, section);
  const made = view.timings.sections[section - 1];
  const facts = [`${startSeconds.toFixed(1)} s to ${endSeconds.toFixed(1)} s.`];
  if (made) facts.push(`Made in ${madeIn(made.samplingSeconds + made.decodingSeconds)}.`);
  else facts.push(`${capital(stateWords[sectionState(view, section)])}.`);
  facts.push(`Seed ${view.settings.seed}.`);
  return { bold: `Section ${section} of ${view.plan.sections.length}`, plain: `, ${facts.join(" ")}` };
}

function madeIn(seconds) {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

function isOver({ state }) {
  return state === "completed" || state === "stopped" || state === "failed";
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
