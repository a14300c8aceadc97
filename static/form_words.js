/**
 * What the form for a new video says. Pure: no DOM, no clock.
 * @module
 */
import { aboutDuration } from "./measures.js";

/** A prompt the model can follow. */
export const placeholderFor = (model) => `The cat ${model?.understands?.motions[0] ?? "jumps twice, then waves"}.`;
export const promptHint = "Say what moves, in the order it happens.";

/** Under the examples on the stage. */
export function examplesHint(count) {
  const many = ["", "one comes", "two come", "three come", "four come", "five come", "six come"][count];
  const these = count === 1 ? "This" : "These";
  return `${these} ${many} with framecast. Pick one to fill in the form; nothing starts until you press Generate.`;
}

export const orderHints = {
  inverted: "Steadier: section 1 is the end, the rest leads up to it.",
  forward: "Plays while it grows. Colours may drift in long videos.",
};

export const whyEndFirst =
  "Each section is made towards a picture that is already known. Made backwards, every section leads to finished frames " +
  "on one side and your start picture on the other, so small errors add up less. The price: you see the end before the start.";

/** `seed 31337, 25 steps` · `seed random, 25 steps, LoRA ink` · `seed 31337, 25 steps, 2 LoRAs` */
export function settingsInWords({ seed, steps, loras }) {
  const adapters = ["", `, LoRA ${loras[0]?.name}`][loras.length] ?? `, ${loras.length} LoRAs`;
  return `seed ${seed < 0 ? "random" : seed}, ${steps} steps${adapters}`;
}

/** Why an order cannot be chosen. */
export function oneOrderOnly(modelName) {
  return `${modelName} knows one order only.`;
}

/**
 * The lines above the button, each `[label, value]`, or one sentence when nothing was measured.
 * @param work `{ firstFramesSeconds, totalSeconds }` or undefined
 * @param waitSeconds until the engine is free: 0 when it is, null when nobody knows
 */
export function estimateLines(work, waitSeconds) {
  if (!work) return "Not measured on this machine yet. The first section will tell.";
  if (waitSeconds === null) return [["Takes", aboutDuration(work.totalSeconds)]];
  if (waitSeconds > 0) {
    return [["Starts in", aboutDuration(waitSeconds)], ["Finished in", aboutDuration(waitSeconds + work.totalSeconds)]];
  }
  return [["First moving picture", aboutDuration(work.firstFramesSeconds)], [
    "Finished",
    aboutDuration(work.totalSeconds),
  ]];
}

/** Why the button cannot be pressed, or an empty string. */
export function whyNotYet({ hasStart, prompt, isReachable }) {
  if (!isReachable) return "The server cannot be reached";
  if (!hasStart) return "Add a start picture to begin";
  return prompt.trim() === "" ? "Say what should happen" : "";
}
