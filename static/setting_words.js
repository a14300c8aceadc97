/**
 * What the rows of the settings say. Pure: no DOM, no clock.
 * @module
 */

/** Hint under a setting that was trained with one value. */
export function madeFor(value) {
  return `The model was made for ${value}. Other values often look worse.`;
}

/** A LoRA in the list of those that can be added; `fault` tells why it cannot. */
export function loraOption(name, fault) {
  return fault === null ? name : `${name} (cannot be used)`;
}

export const loraHint = "1 is as trained, 0 nothing, below 0 the opposite. Several add up.";
export const promptChangesHint = "Each counts from its second on. A section has the prompt of its middle.";
export const cfgHint = "1 is off. Above, each step takes twice as long, and what to avoid counts.";
export const negativePromptHint = "Say what the video should not show.";
export const teaCacheHint =
  "Skips steps: faster, but fine parts such as hands often get worse. 0 is off, 0.15 is usual.";

/** A section is a window of this many latent frames, 4 frames each. */
export function windowHint(windowLatentFrames, usual) {
  return `${4 * windowLatentFrames} frames per section. ${madeFor(usual)}`;
}

export const endPictureHint =
  "The video is led to it. It counts with the order “End first”; the picture itself is not shown.";
