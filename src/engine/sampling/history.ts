/**
 * The latent frames made so far: what the next section looks back at (or ahead to), and what the decoder is given.
 *
 * FramePack (arXiv 2504.12626) section 3.1; FramePack 97fe5db, `history_latents` in `worker()` of both demos.
 *
 * A history is a value: extending it gives a new one, and what no later section can reach is dropped, so memory does
 * not grow with the video. `Frame` is whatever stands for one latent frame; the engine uses `Float32Array`
 * [channels, height, width].
 * @module
 */
import type { Schedule } from "../request.ts";
import { contextLatentFrames, historyGroups, type Section } from "./section_plan.ts";

/** Latent frames in the order of the timeline, of which at least all are kept that a later section needs. */
export interface LatentHistory<Frame> {
  readonly schedule: Schedule;
  /** The start picture's latent frame. */
  readonly start: Frame;
  readonly frames: readonly Frame[];
}

/** The history groups of one forward pass; null is a frame of zeros, which stands where no frame has been made yet. */
export interface HistoryContext<Frame> {
  /** The start frame, then the nearest frame. */
  readonly clean1x: readonly (Frame | null)[];
  readonly clean2x: readonly (Frame | null)[];
  readonly clean4x: readonly (Frame | null)[];
}

/**
 * Before the first section. The forward schedule begins from the start frame, the inverted one arrives at it.
 * @param end of the inverted schedule: the frame behind the last of the timeline. It is looked at and never decoded.
 */
export function beginHistory<Frame>(schedule: Schedule, start: Frame, end: Frame | null = null): LatentHistory<Frame> {
  if (schedule === "forward") return { schedule, start, frames: [start] };
  return { schedule, start, frames: end === null ? [] : [end] };
}

/** What a section is conditioned on: the 19 frames nearest to its window, in the order of the timeline. */
export function historyContext<Frame>({ schedule, start, frames }: LatentHistory<Frame>): HistoryContext<Frame> {
  const { clean1x, clean2x, clean4x } = historyGroups;
  if (schedule === "inverted") {
    const near = Array.from({ length: contextLatentFrames }, (_, i) => frames[i] ?? null);
    return {
      clean1x: [start, ...near.slice(0, clean1x)],
      clean2x: near.slice(clean1x, clean1x + clean2x),
      clean4x: near.slice(clean1x + clean2x),
    };
  }
  const missing = contextLatentFrames - frames.length;
  const near = Array.from({ length: contextLatentFrames }, (_, i) => frames[i - missing] ?? null);
  return {
    clean1x: [start, ...near.slice(clean4x + clean2x)],
    clean2x: near.slice(clean4x, clean4x + clean2x),
    clean4x: near.slice(0, clean4x),
  };
}

/** The history after a section: its window in front (inverted, with the start frame when it is the last) or behind. */
export function extendHistory<Frame>(
  { schedule, start, frames }: LatentHistory<Frame>,
  section: Section,
  window: readonly Frame[],
): LatentHistory<Frame> {
  const kept = Math.max(contextLatentFrames, 2 * section.windowLatentFrames + 1);
  const extended = schedule === "forward"
    ? [...frames, ...window].slice(-kept)
    : [...(section.isLast ? [start] : []), ...window, ...frames].slice(0, kept);
  return { schedule, start, frames: extended };
}

/** What a section hands to the decoder, taken from the history that it already extended. */
export function latentsToDecode<Frame>({ schedule, frames }: LatentHistory<Frame>, section: Section): readonly Frame[] {
  const { decodedLatentFrames } = section;
  return schedule === "forward" ? frames.slice(-decodedLatentFrames) : frames.slice(0, decodedLatentFrames);
}

/** Size of one latent frame; height and width are 1/8 of the picture's. */
export interface LatentFrameShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** [1, channels, latentFrames, height, width] → that many frames [channels, height, width]. */
export function splitLatentFrames(latents: Float32Array, shape: LatentFrameShape): Float32Array[] {
  const { channels, height, width } = shape;
  const area = height * width;
  const count = latents.length / (channels * area);
  if (!Number.isInteger(count)) {
    throw new RangeError(`Cannot split ${latents.length} latents into frames [${channels}, ${height}, ${width}]`);
  }
  return Array.from({ length: count }, (_, frameIndex) => {
    const frame = new Float32Array(channels * area);
    for (let channel = 0; channel < channels; channel++) {
      const from = (channel * count + frameIndex) * area;
      frame.set(latents.subarray(from, from + area), channel * area);
    }
    return frame;
  });
}

/** Frames [channels, height, width] (null: zeros) → [1, channels, latentFrames, height, width]. */
export function joinLatentFrames(frames: readonly (Float32Array | null)[], shape: LatentFrameShape): Float32Array {
  const { channels, height, width } = shape;
  const area = height * width;
  const latents = new Float32Array(channels * frames.length * area);
  frames.forEach((frame, frameIndex) => {
    for (let channel = 0; frame !== null && channel < channels; channel++) {
      const to = (channel * frames.length + frameIndex) * area;
      latents.set(frame.subarray(channel * area, (channel + 1) * area), to);
    }
  });
  return latents;
}
