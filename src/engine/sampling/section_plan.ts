/**
 * Which sections a video is made of, in which order, and everything about each that is known before the first step.
 *
 * FramePack (arXiv 2504.12626) section 3.2 "anti-drifting sampling"; the numbers are those of FramePack 97fe5db,
 * `worker()` of `demo_gradio.py` (inverted) and of `demo_gradio_f1.py` (forward).
 * @module
 */
import type { FrameRange, VideoFormat, VideoPlan } from "../../video.ts";
import type { Schedule } from "../request.ts";

/** Latent frames of history that are packed at full, half and quarter resolution. */
export const historyGroups = { clean1x: 1, clean2x: 2, clean4x: 16 } as const;

/** The nearest latent frames the transformer sees beside the window: 1 + 2 + 16. */
export const contextLatentFrames = historyGroups.clean1x + historyGroups.clean2x + historyGroups.clean4x;

/** FramePack was trained at 30 frames per second. */
export const frameRate = 30;

/** Positions on the time axis of the rotary embedding, one per latent frame of each group. */
export interface TimeIndices {
  /** The window that is denoised. */
  readonly noisy: readonly number[];
  /** The start frame, then the nearest frame of the history. */
  readonly clean1x: readonly number[];
  readonly clean2x: readonly number[];
  readonly clean4x: readonly number[];
}

/** One turn of the sampler. Ranges are in frames of the finished video, half-open. */
export interface Section {
  /** Counted from 1 in making order. */
  readonly section: number;
  readonly isLast: boolean;
  readonly schedule: Schedule;
  /** Latent frames made in this section. */
  readonly windowLatentFrames: number;
  /** Windows between the start frame and this one as the model is told; null in the forward schedule, which has none. */
  readonly latentPadding: number | null;
  readonly indices: TimeIndices;
  /** How many latent frames go to the decoder: the history's first (inverted) or last (forward), this section included. */
  readonly decodedLatentFrames: number;
  /** Where the decoder's frames lie, 4 n - 3 of n latent frames. */
  readonly decodedFrames: FrameRange;
  /** Decoded frames to be blended with the earlier neighbour's; 0 in the first section. */
  readonly overlapFrames: number;
  /** Frames that did not exist before. Over all sections they cover the video without gap or overlap. */
  readonly newFrames: FrameRange;
  /** Frames that are equal to the file's from this section on. Over all sections they cover the video likewise; may be empty. */
  readonly finalFrames: FrameRange;
  /** Frames that the next section blends once more; null in the last section. Together with `finalFrames` they are what was decoded. */
  readonly provisionalFrames: FrameRange | null;
}

/** What decides the plan. */
export interface PlanOptions {
  readonly durationSeconds: number;
  readonly schedule: Schedule;
  /** Latent frames per section, at least 1; FramePack's is 9. */
  readonly windowLatentFrames: number;
}

/** All sections in making order. The video has 4 L n + 1 frames for n sections of L latent frames. */
export function planSections({ durationSeconds, schedule, windowLatentFrames }: PlanOptions): Section[] {
  const sections = sectionCount(durationSeconds, windowLatentFrames);
  const paddings = latentPaddings(sections);
  return paddings.map((padding, i) => {
    const place = { section: i + 1, sections, windowLatentFrames };
    return schedule === "inverted" ? invertedSection(place, padding) : forwardSection(place);
  });
}

/** What viewers and recordings need to know of a plan. */
export function videoPlan(sections: readonly Section[], size: Omit<VideoFormat, "frameRate">): VideoPlan {
  const { widthPx, heightPx } = size;
  return {
    format: { widthPx, heightPx, frameRate },
    frames: Math.max(...sections.map(({ newFrames }) => newFrames.end)),
    sections: sections.map(({ newFrames }) => newFrames),
  };
}

/** max(round(seconds · 30 / (4 L)), 1), a tie going to the even number as Python's `round` does. */
export function sectionCount(durationSeconds: number, windowLatentFrames: number): number {
  return Math.max(roundHalfToEven((durationSeconds * frameRate) / (windowLatentFrames * 4)), 1);
}

/**
 * Windows of distance to the start frame, in making order of the inverted schedule: n - 1, …, 0; above four sections
 * 3, 2, 2, …, 1, 0, since the model never saw larger distances in training.
 */
export function latentPaddings(sections: number): number[] {
  if (sections <= 4) return Array.from({ length: sections }, (_, i) => sections - 1 - i);
  return [3, ...Array<number>(sections - 3).fill(2), 1, 0];
}

/** n latent frames are 4 n - 3 frames. */
export function framesOfLatents(latentFrames: number): number {
  return 4 * latentFrames - 3;
}

interface Place {
  readonly section: number;
  readonly sections: number;
  readonly windowLatentFrames: number;
}

function invertedSection(place: Place, latentPadding: number): Section {
  const { section, sections, windowLatentFrames } = place;
  const isLast = section === sections;
  const isFirst = section === 1;
  const windowFrames = 4 * windowLatentFrames;
  const totalFrames = windowFrames * sections + 1;
  // The decoder gives the first of its latent frames one frame instead of four, hence the 4 frames before the window.
  const firstFrame = (k: number) => k === 0 ? totalFrames : k === sections ? 0 : windowFrames * (sections - k) + 4;
  const firstFinal = (k: number) => k === 0 ? totalFrames : k === sections ? 0 : windowFrames * (sections - k + 1) + 1;
  const decodedLatentFrames = windowLatentFrames * (isFirst ? 1 : 2) + (isLast ? 1 : 0);
  const start = firstFrame(section);
  return {
    section,
    isLast,
    schedule: "inverted",
    windowLatentFrames,
    latentPadding,
    indices: invertedIndices(windowLatentFrames, latentPadding),
    decodedLatentFrames,
    decodedFrames: { start, end: start + framesOfLatents(decodedLatentFrames) },
    overlapFrames: isFirst ? 0 : framesOfLatents(windowLatentFrames),
    newFrames: { start, end: firstFrame(section - 1) },
    finalFrames: { start: firstFinal(section), end: firstFinal(section - 1) },
    provisionalFrames: isLast ? null : { start, end: firstFinal(section) },
  };
}

function forwardSection({ section, sections, windowLatentFrames }: Place): Section {
  const isLast = section === sections;
  const isFirst = section === 1;
  const windowFrames = 4 * windowLatentFrames;
  const endFrame = (k: number) => k === 0 ? 0 : windowFrames * k + 1;
  const endFinal = (k: number) => k === 0 ? 0 : k === sections ? endFrame(k) : windowFrames * (k - 1) + 4;
  // The start frame is part of the history, so the first section decodes one latent frame more than its window.
  const decodedLatentFrames = isFirst ? windowLatentFrames + 1 : windowLatentFrames * 2;
  const end = endFrame(section);
  return {
    section,
    isLast,
    schedule: "forward",
    windowLatentFrames,
    latentPadding: null,
    indices: forwardIndices(windowLatentFrames),
    decodedLatentFrames,
    decodedFrames: { start: end - framesOfLatents(decodedLatentFrames), end },
    overlapFrames: isFirst ? 0 : framesOfLatents(windowLatentFrames),
    newFrames: { start: endFrame(section - 1), end },
    finalFrames: { start: endFinal(section - 1), end: endFinal(section) },
    provisionalFrames: isLast ? null : { start: endFinal(section), end },
  };
}

/** Positions handed out in the order [start | blank padding | window | 1x | 2x | 4x]. */
function invertedIndices(windowLatentFrames: number, latentPadding: number): TimeIndices {
  const window = 1 + latentPadding * windowLatentFrames;
  const clean1x = window + windowLatentFrames;
  const clean2x = clean1x + historyGroups.clean1x;
  const clean4x = clean2x + historyGroups.clean2x;
  return {
    noisy: consecutive(window, windowLatentFrames),
    clean1x: [0, clean1x],
    clean2x: consecutive(clean2x, historyGroups.clean2x),
    clean4x: consecutive(clean4x, historyGroups.clean4x),
  };
}

/** Positions handed out in the order [start | 4x | 2x | 1x | window]. */
function forwardIndices(windowLatentFrames: number): TimeIndices {
  const clean4x = 1;
  const clean2x = clean4x + historyGroups.clean4x;
  const clean1x = clean2x + historyGroups.clean2x;
  return {
    noisy: consecutive(clean1x + historyGroups.clean1x, windowLatentFrames),
    clean1x: [0, clean1x],
    clean2x: consecutive(clean2x, historyGroups.clean2x),
    clean4x: consecutive(clean4x, historyGroups.clean4x),
  };
}

function consecutive(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
