/**
 * An engine without a model: colour bars and a block code, along a real section plan, in the time one asks for. What it
 * shows can be read back from a coded picture: frame number, state and section; of a preview section, step and picture
 * (`tests/block_code.js`).
 * @module
 */
import type { FrameBatch, FrameRange, FrameState, PreviewClip, VideoFormat } from "../video.ts";
import { beside, inTurn, type Work } from "./beside.ts";
import type { DecodeOrder } from "./event.ts";
import type { Engine, GenerationEvent, GenerationRequest } from "./mod.ts";
import { previewRange } from "./sampling/preview.ts";
import { planSections, type Section, videoPlan } from "./sampling/section_plan.ts";

export interface TestPatternOptions {
  /** 0: as fast as it can be drawn. */
  readonly secondsPerStep?: number;
  readonly secondsPerDecode?: number;
  /** Default `between`. */
  readonly decode?: DecodeOrder;
}

/** The request's size, duration, window, steps, schedule, seed and wish for previews count; pictures, prompt, model and LoRAs do not. */
export function createTestPatternEngine(options: TestPatternOptions = {}): Engine {
  const { secondsPerStep = 0, secondsPerDecode = 0, decode = "between" } = options;
  const pace = { secondsPerStep, secondsPerDecode };
  return {
    async *generate({ settings, resume }: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
      const sections = planSections(settings);
      const plan = videoPlan(sections, settings);
      const promptTokens = settings.prompt.split(/\s+/).filter(Boolean).length;
      yield { kind: "plan", plan, promptTokens, promptTokensCut: 0, decode };
      const together = decode === "overlapped" ? beside : inTurn;
      let decoding: Work<GenerationEvent> = async function* () {};
      for (const section of sections.slice(resume?.section ?? 0)) {
        yield* together(decoding, (signal) => sampleSection(section, settings, pace, signal), signal);
        yield { kind: "decoding", section: section.section };
        yield { kind: "resumePoint", point: { section: section.section, history: Uint8Array.of(section.section) } };
        decoding = (signal) => decodeSection(section, settings, pace, signal);
      }
      yield* decoding(signal);
    },
    async *warm() {},
    async [Symbol.asyncDispose]() {},
  };
}

type Settings = GenerationRequest["settings"];
type TestPace = Required<Pick<TestPatternOptions, "secondsPerStep" | "secondsPerDecode">>;

async function* sampleSection(
  section: Section,
  settings: Settings,
  { secondsPerStep }: TestPace,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, void> {
  yield { kind: "sampling", section: section.section };
  for (let step = 1; step <= settings.steps; step++) {
    await pause(secondsPerStep, signal);
    const counted = { section: section.section, step, of: settings.steps };
    yield { kind: "step", ...counted, skipped: false, seconds: secondsPerStep };
    if (settings.previews && step < settings.steps) yield { kind: "preview", clip: previewOf(section, step, settings) };
  }
}

async function* decodeSection(
  section: Section,
  settings: Settings,
  { secondsPerStep, secondsPerDecode }: TestPace,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, void> {
  await pause(secondsPerDecode, signal);
  for (const batch of batchesOf(section, settings)) {
    signal.throwIfAborted();
    yield { kind: "frames", section: section.section, batch };
  }
  const samplingSeconds = secondsPerStep * settings.steps;
  yield { kind: "sectionDone", section: section.section, samplingSeconds, decodingSeconds: secondsPerDecode };
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

function* batchesOf(section: Section, settings: DrawnSettings): Generator<FrameBatch> {
  const { finalFrames, provisionalFrames } = section;
  if (finalFrames.end > finalFrames.start) yield batchOf(finalFrames, "final", section.section, settings);
  if (provisionalFrames) yield batchOf(provisionalFrames, "provisional", section.section, settings);
}

function batchOf(
  range: FrameRange,
  state: FrameState,
  section: number,
  { seed, ...format }: DrawnSettings,
): FrameBatch {
  const frameBytes = format.widthPx * format.heightPx * 3;
  const pixels = new Uint8Array((range.end - range.start) * frameBytes);
  for (let index = range.start; index < range.end; index++) {
    const at = (index - range.start) * frameBytes;
    drawTestPicture(pixels.subarray(at, at + frameBytes), format, { number: index, state, section, seed });
  }
  return { firstFrameIndex: range.start, pixels, state };
}

function previewOf(
  section: Section,
  step: number,
  { steps, seed, ...video }: DrawnSettings & Pick<Settings, "steps">,
): PreviewClip {
  const range = previewRange(section);
  const pictures = (range.end - range.start + 3) / 4;
  // Whole cells of the code: a multiple of 8 pixels, as near as that comes to an eighth of the video.
  const [widthPx, heightPx] = [video.widthPx, video.heightPx].map((px) => 8 * Math.ceil(px / 64)) as [number, number];
  const pictureBytes = widthPx * heightPx * 3;
  const pixels = new Uint8Array(pictures * pictureBytes);
  for (let picture = 0; picture < pictures; picture++) {
    const at = picture * pictureBytes;
    const number = ((step & 255) << 8) | (picture & 255);
    const shown = { number, state: "preview", section: section.section, seed } as const;
    drawTestPicture(pixels.subarray(at, at + pictureBytes), { widthPx, heightPx }, shown);
  }
  return { range, section: section.section, step, of: steps, widthPx, heightPx, pictures, pixels };
}

/** What decides how a picture looks. */
type DrawnSettings = Pick<Settings, "seed" | "widthPx" | "heightPx">;

/** SMPTE EG 1: 75 % bars. */
const bars = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];
/** The band between bars and code: what a person sees of the state. */
const stateColours = { preview: [96, 96, 96], provisional: [255, 150, 0], final: [0, 150, 60] } as const;
const stateNumbers = { preview: 0, provisional: 1, final: 2 } as const;

interface TestPicture {
  /** Of a frame its number, of a preview 256 · step + picture. */
  readonly number: number;
  readonly state: FrameState | "preview";
  readonly section: number;
  readonly seed: number;
}

/** Upper half: bars, in an order that the seed turns, with a mark that walks with the number; a band; lower half: the code. */
function drawTestPicture(
  pixels: Uint8Array,
  { widthPx, heightPx }: Pick<VideoFormat, "widthPx" | "heightPx">,
  picture: TestPicture,
): void {
  const codeTop = heightPx >> 1;
  const bandTop = codeTop - Math.max(4, heightPx >> 4);
  const mark = (picture.number * 4) % widthPx;
  fillRows(pixels, widthPx, { start: 0, end: bandTop }, (x) => {
    if (x >= mark && x < mark + 4) return [255, 255, 255];
    return bars[(Math.floor((x * bars.length) / widthPx) + Math.abs(picture.seed)) % bars.length]!;
  });
  fillRows(pixels, widthPx, { start: bandTop, end: codeTop }, () => stateColours[picture.state]);
  const code = blockCode(picture);
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

/** 16 bits number, 2 state, 6 section, 8 checksum; `tests/block_code.js` reads it. */
function blockCode({ number, state, section }: TestPicture): number[] {
  const high = (number >> 8) & 255;
  const low = number & 255;
  const stateAndSection = (stateNumbers[state] << 6) | (section & 63);
  return [high, low, stateAndSection, ((high * 7 + low * 31 + stateAndSection * 113 + 90) ^ (low >> 3)) & 255];
}
