/**
 * An engine without a model: colour bars and a block code, along a real section plan, in the time one asks for. What it
 * shows can be read back from a coded picture: frame number, state and section (`tests/block_code.js`).
 * @module
 */
import type { FrameBatch, FrameRange, FrameState, VideoFormat } from "../video.ts";
import type { Engine, GenerationEvent, GenerationRequest } from "./mod.ts";
import { planSections, type Section, videoPlan } from "./sampling/section_plan.ts";

export interface TestPatternOptions {
  /** 0: as fast as it can be drawn. */
  readonly secondsPerStep?: number;
  readonly secondsPerDecode?: number;
  /** Latent frames per section; FramePack's is 9. */
  readonly windowLatentFrames?: number;
}

/** The request's size, duration, steps, schedule and seed count; picture, prompt and model do not. */
export function createTestPatternEngine(options: TestPatternOptions = {}): Engine {
  const { secondsPerStep = 0, secondsPerDecode = 0, windowLatentFrames = 9 } = options;
  return {
    async *generate({ settings }: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
      const sections = planSections({ ...settings, windowLatentFrames });
      const plan = videoPlan(sections, settings);
      const promptTokens = settings.prompt.split(/\s+/).filter(Boolean).length;
      yield { kind: "plan", plan, promptTokens, promptTokensCut: 0 };
      for (const section of sections) {
        yield { kind: "sampling", section: section.section };
        for (let step = 1; step <= settings.steps; step++) {
          await pause(secondsPerStep, signal);
          const counted = { section: section.section, step, of: settings.steps };
          yield { kind: "step", ...counted, skipped: false, seconds: secondsPerStep };
        }
        yield { kind: "decoding", section: section.section };
        await pause(secondsPerDecode, signal);
        for (const batch of batchesOf(section, plan.format, settings.seed)) {
          signal.throwIfAborted();
          yield { kind: "frames", section: section.section, batch };
        }
        const samplingSeconds = secondsPerStep * settings.steps;
        yield { kind: "sectionDone", section: section.section, samplingSeconds, decodingSeconds: secondsPerDecode };
      }
    },
    async *warm() {},
    async [Symbol.asyncDispose]() {},
  };
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (seconds === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, seconds * 1000);
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function* batchesOf(section: Section, format: VideoFormat, seed: number): Generator<FrameBatch> {
  const { finalFrames, provisionalFrames } = section;
  if (finalFrames.end > finalFrames.start) yield batchOf(finalFrames, "final", section.section, format, seed);
  if (provisionalFrames) yield batchOf(provisionalFrames, "provisional", section.section, format, seed);
}

function batchOf(range: FrameRange, state: FrameState, section: number, format: VideoFormat, seed: number): FrameBatch {
  const frameBytes = format.widthPx * format.heightPx * 3;
  const pixels = new Uint8Array((range.end - range.start) * frameBytes);
  for (let index = range.start; index < range.end; index++) {
    const at = (index - range.start) * frameBytes;
    drawTestFrame(pixels.subarray(at, at + frameBytes), format, { frameIndex: index, state, section, seed });
  }
  return { firstFrameIndex: range.start, pixels, state };
}

/** SMPTE EG 1: 75 % bars. */
const bars = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];
/** The band between bars and code: what a person sees of the state. */
const stateColours = { preview: [96, 96, 96], provisional: [255, 150, 0], final: [0, 150, 60] } as const;
const stateNumbers = { preview: 0, provisional: 1, final: 2 } as const;

interface TestFrame {
  readonly frameIndex: number;
  readonly state: FrameState;
  readonly section: number;
  readonly seed: number;
}

/** Upper half: bars, in an order that the seed turns, with a mark that walks with the frame; a band; lower half: the code. */
function drawTestFrame(pixels: Uint8Array, { widthPx, heightPx }: VideoFormat, frame: TestFrame): void {
  const codeTop = heightPx >> 1;
  const bandTop = codeTop - Math.max(4, heightPx >> 4);
  const mark = (frame.frameIndex * 4) % widthPx;
  fillRows(pixels, widthPx, { start: 0, end: bandTop }, (x) => {
    if (x >= mark && x < mark + 4) return [255, 255, 255];
    return bars[(Math.floor((x * bars.length) / widthPx) + Math.abs(frame.seed)) % bars.length]!;
  });
  fillRows(pixels, widthPx, { start: bandTop, end: codeTop }, () => stateColours[frame.state]);
  const code = blockCode(frame);
  for (let row = 0; row < 4; row++) {
    const cells = {
      start: codeTop + Math.round((row * heightPx) / 8),
      end: codeTop + Math.round(((row + 1) * heightPx) / 8),
    };
    const byte = code[row]!;
    fillRows(
      pixels,
      widthPx,
      cells,
      (x) => (byte >> (7 - Math.floor((x * 8) / widthPx))) & 1 ? [235, 235, 235] : [20, 20, 20],
    );
  }
}

/** Draws one row and copies it down: this must not hold up the thread that streams. */
function fillRows(
  pixels: Uint8Array,
  widthPx: number,
  rows: FrameRange,
  colourAt: (x: number) => readonly number[],
): void {
  const rowBytes = widthPx * 3;
  const first = rows.start * rowBytes;
  for (let x = 0; x < widthPx; x++) pixels.set(colourAt(x), first + x * 3);
  for (let y = rows.start + 1; y < rows.end; y++) pixels.copyWithin(y * rowBytes, first, first + rowBytes);
}

/** 16 bits frame, 2 state, 6 section, 8 checksum; `tests/block_code.js` reads it. */
function blockCode({ frameIndex, state, section }: TestFrame): number[] {
  const high = (frameIndex >> 8) & 255;
  const low = frameIndex & 255;
  const stateAndSection = (stateNumbers[state] << 6) | (section & 63);
  return [high, low, stateAndSection, ((high * 7 + low * 31 + stateAndSection * 113 + 90) ^ (low >> 3)) & 255];
}
