/**
 * What is known about a running generation, folded from the engine's events: plan, frame map, progress, timings. Pure;
 * time is an argument.
 * @module
 */
import type { DecodeOrder, GenerationEvent } from "../engine/mod.ts";
import type { VideoPlan } from "../video.ts";
import { type FrameMap, markFrames, markSection, plannedMap, restingMap } from "./frame_map.ts";
import type { SessionOrder } from "./order.ts";
import type { Progress, SessionView } from "./view.ts";

/** Seconds one denoising step and one section's decode take, measured on this device at this size. */
export interface Pace {
  readonly secondsPerStep: number;
  readonly secondsPerDecode: number;
}

type SectionTiming = SessionView["timings"]["sections"][number];

export interface GenerationFacts {
  readonly plan: VideoPlan;
  readonly decode: DecodeOrder;
  readonly frameMap: FrameMap;
  readonly progress: Progress;
  readonly prompt: SessionView["prompt"];
  /** What lies where in a GPU's memory, in sentences; null on a CPU, and before the engine has told. */
  readonly memory: readonly string[] | null;
  /** Finished sections, making order. */
  readonly sections: readonly SectionTiming[];
  /** Steps that ran the network (not skipped by TeaCache), and their time together. */
  readonly computedSteps: number;
  readonly computedStepSeconds: number;
  readonly startedAtMs: number | null;
  /** Since the one before was finished, or the first was begun. */
  readonly sectionStartedAtMs: number | null;
  readonly firstFramesAtMs: number | null;
  readonly endedAtMs: number | null;
}

/** Before anything has run. */
export function initialFacts(plan: VideoPlan, steps: number): GenerationFacts {
  return {
    plan,
    decode: "between",
    frameMap: plannedMap(plan.frames),
    progress: { section: 0, of: plan.sections.length, step: 0, steps, phase: "waiting", percent: 0 },
    prompt: { tokens: null, tokensCut: 0 },
    memory: null,
    sections: [],
    computedSteps: 0,
    computedStepSeconds: 0,
    startedAtMs: null,
    sectionStartedAtMs: null,
    firstFramesAtMs: null,
    endedAtMs: null,
  };
}

/** What an earlier server has made of a video that is gone on with. */
export function resumedFacts(
  { plan, settings }: Pick<SessionOrder, "plan" | "settings">,
  view: SessionView,
): GenerationFacts {
  const { startedAt, firstFramesSeconds, sections } = view.timings;
  const startedAtMs = startedAt === null ? null : Date.parse(startedAt);
  const firstFramesAtMs = startedAtMs === null || firstFramesSeconds === null
    ? null
    : startedAtMs + 1000 * firstFramesSeconds;
  const facts = initialFacts(plan, settings.steps);
  const made = { frameMap: view.frameMap, sections: [...sections], startedAtMs, firstFramesAtMs };
  return restingFacts({ ...facts, ...made, prompt: view.prompt });
}

/** Without the section in work: it waits to be gone on with. */
export function restingFacts(facts: GenerationFacts): GenerationFacts {
  const { sections, frameMap, progress: { steps } } = facts;
  const resting = { ...facts, frameMap: restingMap(frameMap), sectionStartedAtMs: null };
  return withProgress(resting, { phase: "waiting", section: sections.length, step: sections.length === 0 ? 0 : steps });
}

/** The engine and the queue must mean the same video: its frames have their place on disk already. */
export function assertSamePlan(expected: VideoPlan, told: VideoPlan): void {
  const size = ({ format, frames, sections }: VideoPlan) =>
    `${format.widthPx}x${format.heightPx}, ${frames} frames in ${sections.length} sections`;
  if (size(expected) !== size(told)) {
    throw new Error(`The engine plans ${size(told)}, the request was for ${size(expected)}`);
  }
}

/** The facts after one more event. */
export function advance(facts: GenerationFacts, event: GenerationEvent, nowMs: number): GenerationFacts {
  switch (event.kind) {
    case "loading":
      return withProgress(facts, { phase: "loading", loading: loadingSentence(event) });
    case "plan":
      return {
        ...restingFacts(facts),
        decode: event.decode,
        prompt: { tokens: event.promptTokens, tokensCut: event.promptTokensCut },
      };
    case "sampling":
      return {
        ...withProgress(facts, { phase: "sampling", section: event.section, step: 0 }),
        frameMap: markSection(facts.frameMap, sectionRange(facts, event.section), "sampling"),
        sectionStartedAtMs: event.section === facts.sections.length + 1 ? nowMs : facts.sectionStartedAtMs,
      };
    case "step":
      return {
        ...withProgress(facts, { phase: "sampling", section: event.section, step: event.step, steps: event.of }),
        computedSteps: facts.computedSteps + (event.skipped ? 0 : 1),
        computedStepSeconds: facts.computedStepSeconds + (event.skipped ? 0 : event.seconds),
      };
    case "decoding":
      return {
        ...withProgress(facts, { phase: "decoding", section: event.section, step: facts.progress.steps }),
        frameMap: markSection(facts.frameMap, sectionRange(facts, event.section), "decoding"),
      };
    case "frames":
      return withFrames(facts, event.batch, nowMs);
    case "preview":
    case "resumePoint":
      return facts;
    case "device":
      return { ...facts, memory: event.memory };
    case "sectionDone": {
      const { samplingSeconds, decodingSeconds } = event;
      const sections = [...facts.sections, { samplingSeconds, decodingSeconds }];
      return withProgress({ ...facts, sections, sectionStartedAtMs: nowMs }, {});
    }
  }
}

/** The end: nothing runs any more. `whole`: the file with the whole video exists, so it is 100 percent. */
export function endFacts(
  facts: GenerationFacts,
  frameMap: FrameMap,
  completeness: "whole" | "part",
  nowMs: number,
): GenerationFacts {
  const { loading: _over, ...progress } = facts.progress;
  const percent = completeness === "whole" ? 100 : progress.percent;
  const section = unfinishedSection(facts);
  const step = section < progress.section ? progress.steps : progress.step;
  return { ...facts, frameMap, endedAtMs: nowMs, progress: { ...progress, section, step, phase: "ended", percent } };
}

/** Changes the phase only, for what the engine does not tell (`recording`). */
export function enterPhase(facts: GenerationFacts, phase: Progress["phase"], loading?: string): GenerationFacts {
  return withProgress(facts, { phase, ...(loading === undefined ? {} : { loading }) });
}

/**
 * Timings as the outside sees them.
 * @param measured pace of an earlier video of this model and size, null without one
 */
export function timingsOf(facts: GenerationFacts, measured: Pace | null, nowMs: number): SessionView["timings"] {
  const { startedAtMs, endedAtMs, firstFramesAtMs, sections } = facts;
  const remaining = endedAtMs === null ? remainingSeconds(facts, measured, nowMs) : 0;
  return {
    startedAt: isoTime(startedAtMs),
    endedAt: isoTime(endedAtMs),
    elapsedSeconds: startedAtMs === null ? 0 : seconds(startedAtMs, endedAtMs ?? nowMs),
    remainingSeconds: remaining === null ? null : round(remaining),
    remainingIsGuess: endedAtMs === null && sections.length === 0,
    firstFramesSeconds: startedAtMs === null || firstFramesAtMs === null ? null : seconds(startedAtMs, firstFramesAtMs),
    secondsPerStep: facts.computedSteps === 0 ? null : round(facts.computedStepSeconds / facts.computedSteps),
    secondsPerDecode: sections.length === 0 ? null : round(mean(sections.map((section) => section.decodingSeconds))),
    realTimeFactor: realTimeFactor(facts),
    sections: [...sections],
  };
}

/**
 * The first section in work that is not finished; with overlapped decoding the next one may be in work, too. 0 before the
 * first, the last one when all are finished.
 */
export function unfinishedSection({ progress, sections }: Pick<GenerationFacts, "progress" | "sections">): number {
  return Math.min(progress.section, sections.length + 1);
}

/** What a session that waits will take at a known pace: all of its video, or what an engine that was lost left of it. */
export function waitingSeconds(
  { progress, sections }: Pick<GenerationFacts, "progress" | "sections">,
  { secondsPerStep, secondsPerDecode }: Pace,
  decode: DecodeOrder,
): number {
  const timing = { samplingSeconds: progress.steps * secondsPerStep, decodingSeconds: secondsPerDecode };
  const others = progress.of - sections.length - 1;
  return timing.samplingSeconds + timing.decodingSeconds + others * addedSeconds(timing, decode);
}

/** What one more section adds to a video's time. */
function addedSeconds({ samplingSeconds, decodingSeconds }: SectionTiming, decode: DecodeOrder): number {
  return decode === "overlapped" ? Math.max(samplingSeconds, decodingSeconds) : samplingSeconds + decodingSeconds;
}

/** Before a section has been measured: from this video's steps, else an earlier video's; null when neither is known. */
function remainingSeconds(facts: GenerationFacts, measured: Pace | null, nowMs: number): number | null {
  const { progress, sections, decode } = facts;
  const timing = usualTiming(facts, measured);
  if (timing === null) return null;
  const added = addedSeconds(timing, decode);
  const present = sections.length > 0 ? added : timing.samplingSeconds + timing.decodingSeconds;
  const spent = facts.sectionStartedAtMs === null ? 0 : seconds(facts.sectionStartedAtMs, nowMs);
  const left = progress.of - sections.length;
  return left === 0 ? 0 : (left - 1) * added + Math.max(0, present - spent);
}

function usualTiming(facts: GenerationFacts, measured: Pace | null): SectionTiming | null {
  const { progress, sections, computedSteps, computedStepSeconds } = facts;
  if (sections.length > 0) {
    return {
      samplingSeconds: mean(sections.map(({ samplingSeconds }) => samplingSeconds)),
      decodingSeconds: mean(sections.map(({ decodingSeconds }) => decodingSeconds)),
    };
  }
  const secondsPerStep = computedSteps > 0 ? computedStepSeconds / computedSteps : measured?.secondsPerStep;
  if (secondsPerStep === undefined) return null;
  return { samplingSeconds: progress.steps * secondsPerStep, decodingSeconds: measured?.secondsPerDecode ?? 0 };
}

function realTimeFactor({ plan, sections, decode }: GenerationFacts): number | null {
  const [range, timing] = [plan.sections[sections.length - 1], sections.at(-1)];
  if (!range || !timing) return null;
  const workSeconds = addedSeconds(timing, decode);
  return workSeconds > 0 ? round((range.end - range.start) / plan.format.frameRate / workSeconds) : null;
}

function withFrames(
  facts: GenerationFacts,
  batch: Extract<GenerationEvent, { kind: "frames" }>["batch"],
  nowMs: number,
): GenerationFacts {
  const { widthPx, heightPx } = facts.plan.format;
  const end = batch.firstFrameIndex + batch.pixels.length / (widthPx * heightPx * 3);
  return {
    ...facts,
    frameMap: markFrames(facts.frameMap, { start: batch.firstFrameIndex, end }, batch.state),
    firstFramesAtMs: facts.firstFramesAtMs ?? nowMs,
  };
}

function withProgress(facts: GenerationFacts, change: Partial<Progress>): GenerationFacts {
  const { loading: _over, ...before } = facts.progress;
  const progress = { ...before, ...change };
  return { ...facts, progress: { ...progress, percent: percentDone(progress) } };
}

/** (sections before the one in work + step / steps of it) / sections, rounded down, never 100 before the file exists. */
function percentDone({ section, of, step, steps }: Progress): number {
  const sampled = section === 0 ? 0 : section - 1 + step / steps;
  return Math.min(99, Math.floor(100 * sampled / of + 1e-9));
}

function sectionRange(facts: GenerationFacts, section: number) {
  const range = facts.plan.sections[section - 1];
  if (!range) throw new RangeError(`The engine told of section ${section} of ${facts.plan.sections.length}`);
  return range;
}

function loadingSentence({ part, done, of }: Extract<GenerationEvent, { kind: "loading" }>): string {
  return `${part}, ${done} of ${of}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function seconds(fromMs: number, toMs: number): number {
  return round(Math.max(0, toMs - fromMs) / 1000);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
