/**
 * Going on with a video some of whose sections were made earlier: what is kept of them, and what is made of that again.
 * @module
 */
import { RequestError } from "./errors.ts";
import type { ResumePoint } from "./event.ts";
import type { FramePackModel } from "./model.ts";
import {
  joinLatentFrames,
  type LatentFrameShape,
  type LatentHistory,
  latentsToDecode,
  type PixelClip,
  type Section,
  splitLatentFrames,
  stitch,
} from "./sampling/mod.ts";

/** What the sections so far leave to the next one. */
export interface Legacy {
  readonly history: LatentHistory<Float32Array>;
  /** To be blended with the next section; null where there is nothing. */
  readonly pending: PixelClip | null;
}

/** All that later sections need of those up to this one. */
export function pointAfter(
  { section }: Section,
  { frames }: LatentHistory<Float32Array>,
  frameShape: LatentFrameShape,
): ResumePoint {
  return { section, history: new Uint8Array(joinLatentFrames(frames, frameShape).buffer) };
}

/**
 * Takes a point up. The last section made is decoded once more, for the pixels it left to be blended: nothing before it
 * reaches into those.
 * @param first the history before any section @param last the section that the point names
 * @throws RequestError when the point is not this video's
 */
export async function goOn(
  { vae }: FramePackModel,
  first: LatentHistory<Float32Array>,
  last: Section | undefined,
  point: ResumePoint,
  frameShape: LatentFrameShape,
  signal: AbortSignal,
): Promise<Legacy> {
  const frameBytes = 4 * frameShape.channels * frameShape.height * frameShape.width;
  const { section, history: { length } } = point;
  if (last?.section !== section || length === 0 || length % frameBytes !== 0) {
    throw new RequestError("resume", `A history of ${length} bytes after section ${section} is not this video's`);
  }
  const frames = splitLatentFrames(new Float32Array(point.history.slice().buffer), frameShape);
  const history = { ...first, frames };
  if (last.provisionalFrames === null) return { history, pending: null };
  const decoded = await vae.decode(joinLatentFrames(latentsToDecode(history, last), frameShape), frameShape, signal);
  return { history, pending: stitch(last, decoded, null).provisional };
}
