/**
 * What the timeline says about a plan and its sections. Pure: no DOM, no clock.
 * @module
 */
import { sectionSeconds, sectionState } from "./frame_map.js";
import { exactSeconds, plural, stateWords } from "./measures.js";

/** `Section 4, 4.9 to 6.1 seconds, may still change`: name of a section's button. */
export function sectionName(view, section) {
  const { startSeconds, endSeconds } = sectionSeconds(view.plan, section);
  const word = stateWords[sectionState(view, section)];
  return `Section ${section}, ${startSeconds.toFixed(1)} to ${endSeconds.toFixed(1)} seconds, ${word}`;
}

/** `Plan: 8 sections, 9.63 s` */
export function planTitle({ sections, seconds }) {
  return `Plan: ${plural(sections.length, "section")}, ${exactSeconds(seconds)}`;
}

/** Badge of the section in work, long and short: `step 5/25`, `5/25`. Null when nothing is in work. */
export function badgeFor({ state, progress }) {
  if (state !== "running") return null;
  if (progress.phase === "decoding") return ["decoding", "decoding"];
  if (progress.phase !== "sampling") return null;
  const steps = `${progress.step}/${progress.steps}`;
  return [`step ${steps}`, steps];
}
