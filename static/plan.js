/**
 * What a request will become, before it is sent: sections, size, time. Pure: no DOM, no clock. Agrees with the
 * server's `src/engine/sampling/section_plan.ts` and `resolution.ts`, which a test compares.
 * @module
 */

/** FramePack's sections have 9 latent frames of 4 frames each; a model tells its own. */
const usualFramesPerSection = 36;
const frameRate = 30;

/** Nearest whole number, halves to the even one, as Python's `round` does, which FramePack uses. */
function roundHalfEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Sections for a length asked for; FramePack `demo_gradio.py`, `total_latent_sections`. */
export function sectionCount(durationSeconds, framesPerSection = usualFramesPerSection) {
  return Math.max(roundHalfEven(durationSeconds * frameRate / framesPerSection), 1);
}

/**
 * The plan of a video: `sections` in making order, half-open in frames, together `[0, frames)`. The frame of the start
 * picture is one more; it belongs to the section at the start of the video, and made end first, this one has the three
 * frames that follow it, too.
 */
export function planVideo(durationSeconds, schedule, framesPerSection = usualFramesPerSection) {
  const count = sectionCount(durationSeconds, framesPerSection);
  const frames = framesPerSection * count + 1;
  const sections = Array.from({ length: count }, (_, index) => {
    if (schedule === "forward") {
      return { start: index === 0 ? 0 : framesPerSection * index + 1, end: framesPerSection * (index + 1) + 1 };
    }
    const start = framesPerSection * (count - index - 1) + 4;
    return { start: index === count - 1 ? 0 : start, end: index === 0 ? frames : start + framesPerSection };
  });
  return { sections, frames, frameRate, seconds: frames / frameRate };
}

/**
 * The offered size whose shape is nearest to a picture's: least |h·bw − w·bh|, and of equals the taller one, as
 * FramePack `bucket_tools.py`, `find_nearest_bucket`, whose list goes from wide to tall.
 */
export function bestSize(sizes, pictureWidthPx, pictureHeightPx) {
  const distance = ({ widthPx, heightPx }) => Math.abs(pictureHeightPx * widthPx - pictureWidthPx * heightPx);
  return sizes.reduce((best, size) => {
    const difference = distance(size) - distance(best);
    return difference < 0 || (difference === 0 && size.heightPx > best.heightPx) ? size : best;
  });
}

/**
 * Seconds of work, from what was measured on the server's device for this size and the model's own window.
 * @returns {{ firstFramesSeconds: number, totalSeconds: number } | undefined} undefined: never measured
 */
export function estimateWork(model, { sections, steps, cfg = 1, windowLatentFrames, widthPx, heightPx }) {
  if (windowLatentFrames !== model.defaults.windowLatentFrames) return undefined;
  const measured = model.measured.find((each) => each.widthPx === widthPx && each.heightPx === heightPx);
  if (!measured) return undefined;
  const passes = cfg > 1 ? 2 : 1; // true guidance runs the transformer twice per step
  const section = steps * passes * measured.secondsPerStep + measured.secondsPerDecode;
  return { firstFramesSeconds: section, totalSeconds: section * sections };
}

/** A size as the API writes it. */
export function sizeKey({ widthPx, heightPx }) {
  return `${widthPx}x${heightPx}`;
}
