/**
 * What the outside sees of a session: the JSON of the API and the events of its log. The schemas are the only
 * definition; the OpenAPI document comes from them.
 * @module
 */
import { z } from "zod";
import { generationSettings, loraChoices, plainStarts, schedules } from "../engine/mod.ts";
import { channelEnds, defaultWaits, views, waits } from "../stream/mod.ts";

export { channelEnds, defaultWaits, views, waits };

export const sessionStates = ["queued", "running", "completed", "stopped", "failed"] as const;
export const codecs = ["vp8", "h264"] as const;
export const previewChoices = ["shown", "hidden"] as const;

/** Half-open `[start, end)` in frames of the finished video. A frame map covers `[0, plan.frames)` without gap or overlap. */
export const frameMapRange = z.object({
  start: z.int().min(0),
  end: z.int().min(1),
  state: z.enum(["planned", "sampling", "decoding", "provisional", "final"]),
}).meta({ id: "FrameMapRange" });

/** RFC 9457. Refusals with numbers carry them as extra members. */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  field: z.string().optional(),
}).meta({ id: "Problem" });

export const progress = z.object({
  /** Counted from 1 in making order; 0 before the first. */
  section: z.int().min(0),
  of: z.int().min(1),
  step: z.int().min(0),
  steps: z.int().min(1),
  phase: z.enum(["waiting", "loading", "sampling", "decoding", "recording", "ended"]),
  /** 0 to 100, rounded down; below 100 until the file exists. */
  percent: z.int().min(0).max(100),
  /** Sentence about what is being loaded, while phase is `loading`. */
  loading: z.string().optional(),
}).meta({ id: "Progress" });

export const sessionSettings = z.object({
  prompt: z.string(),
  negativePrompt: z.string(),
  durationSeconds: z.number(),
  seed: z.int(),
  steps: z.int(),
  guidance: z.number(),
  cfg: z.number(),
  cfgRescale: z.number(),
  shift: z.number().optional(),
  schedule: z.enum(schedules),
  teaCacheThreshold: z.number(),
  /** True for sessions of versions that did not know it. */
  previews: z.boolean().default(true),
  widthPx: z.int(),
  heightPx: z.int(),
  model: z.string(),
  /** This and what follows have their default for sessions of versions that did not know them. */
  windowLatentFrames: z.int().default(9),
  /** In order of time. */
  promptChanges: generationSettings.shape.promptChanges,
  loras: loraChoices.default([]),
  /** `picture`: one was sent; else what stood in for it. */
  start: z.enum(["picture", ...plainStarts]).default("picture"),
  /** Null without an end picture. */
  endStrength: z.number().nullable().default(null),
  keepRecipe: z.boolean(),
}).meta({ id: "SessionSettings" });

export const sessionView = z.object({
  id: z.string(),
  state: z.enum(sessionStates),
  createdAt: z.iso.datetime(),
  settings: sessionSettings,
  /** The channel that shows it, besides `latest`. */
  channel: z.string().nullable(),
  plan: z.object({
    /** Making order, each half-open in frames. */
    sections: z.array(z.object({ start: z.int(), end: z.int() })),
    frames: z.int(),
    widthPx: z.int(),
    heightPx: z.int(),
    frameRate: z.int(),
    seconds: z.number(),
  }),
  frameMap: z.array(frameMapRange),
  progress,
  /** Only while queued. Place 1 is the next to run. `running` are being made; 1 for sessions of versions that did not know it. */
  queue: z.object({
    place: z.int().min(1),
    waiting: z.int().min(1),
    running: z.int().min(0).default(1),
    expectedStartSeconds: z.number().nullable(),
  }).optional(),
  timings: z.object({
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    elapsedSeconds: z.number(),
    /** Null while unknown: before the first step and without an earlier measurement. */
    remainingSeconds: z.number().nullable(),
    /** True until one whole section of this session has been measured. */
    remainingIsGuess: z.boolean(),
    firstFramesSeconds: z.number().nullable(),
    secondsPerStep: z.number().nullable(),
    secondsPerDecode: z.number().nullable(),
    /** Seconds of video per second that it added, of the newest section; null before the first. 1 is as fast as it plays. */
    realTimeFactor: z.number().nullable(),
    /** Per finished section, making order. A decoding may have been beside the next one's sampling. */
    sections: z.array(z.object({ samplingSeconds: z.number(), decodingSeconds: z.number() })),
  }),
  prompt: z.object({ tokens: z.int().nullable(), tokensCut: z.int() }),
  /** The prompt of all that is made after the section in work, while that is being finished. */
  nextPrompt: z.string().exactOptional(),
  /** What lies where in the GPU's memory while it is made, one sentence each. Only on a GPU, from its start on. */
  memory: z.array(z.string()).exactOptional(),
  viewers: z.int(),
  /** The file, when there is one. `firstFrameIndex`: where it begins on the plan's timeline (above 0 after a stop, end first). */
  video: z.object({
    frames: z.int(),
    seconds: z.number(),
    sizeBytes: z.int(),
    firstFrameIndex: z.int(),
  }).nullable(),
  links: z.object({
    self: z.string(),
    events: z.string(),
    whep: z.string(),
    liveTs: z.string(),
    video: z.string(),
    sections: z.string(),
    image: z.string(),
    /** Only where there is one. */
    endImage: z.string().exactOptional(),
    frames: z.string(),
    watch: z.string(),
    embed: z.string(),
  }),
  problem: problem.optional(),
}).meta({ id: "Session" });
export type SessionView = z.infer<typeof sessionView>;
export type SessionState = SessionView["state"];
export type FrameMapRange = z.infer<typeof frameMapRange>;
export type Progress = z.infer<typeof progress>;

/** One entry of a session's log; `id` grows by one and is the same for every reader. */
export const sessionEvent = z.discriminatedUnion("event", [
  z.object({ id: z.int().min(1), event: z.literal("state"), data: sessionView }),
  z.object({
    id: z.int().min(1),
    event: z.literal("progress"),
    data: z.object({ progress, timings: sessionView.shape.timings }),
  }),
  z.object({ id: z.int().min(1), event: z.literal("frameMap"), data: z.object({ frameMap: z.array(frameMapRange) }) }),
  z.object({
    id: z.int().min(1),
    event: z.literal("playout"),
    /** From `rtpTimestamp` (90 kHz) on, `rate` frames each 90000/frameRate: `start`, `start` + 1, …; at `end` it goes back to `start` when it loops, else the last frame stays. Below 0, from `end` − 1 down. */
    data: z.object({
      /** Whose frames they are, by the id of the session; null for a slate that belongs to none. */
      video: z.string().nullable(),
      view: z.enum(views),
      wait: z.enum(waits),
      previews: z.enum(previewChoices),
      rtpTimestamp: z.int(),
      shows: z.enum(["frames", "preview", "slate"]),
      start: z.int(),
      end: z.int(),
      rate: z.number(),
      loop: z.boolean(),
    }),
  }),
  z.object({ id: z.int().min(1), event: z.literal("problem"), data: problem }),
]).meta({ id: "SessionEvent" });
export type SessionEvent = z.infer<typeof sessionEvent>;

const sessionBrief = z.object({ id: z.string(), state: z.enum(sessionStates), links: sessionView.shape.links });

/**
 * One entry of the feed of all sessions. `latest` comes first and whenever it changes: the session that
 * `/api/sessions/latest` means, or null. The others tell that a session is new, in another state or has its first picture, or is gone.
 */
export const feedEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("latest"), data: sessionBrief.nullable() }),
  z.object({ event: z.literal("session"), data: sessionBrief }),
  z.object({ event: z.literal("deleted"), data: z.object({ id: z.string() }) }),
]).meta({ id: "FeedEvent" });
export type FeedEvent = z.infer<typeof feedEvent>;

export const channelStates = ["live", "between", "waiting"] as const;

/** `live`: it shows a session being made. `between`: the last one with a video, until the next has a picture. */
export const channelView = z.object({
  name: z.string(),
  state: z.enum(channelStates),
  /** The one that is shown. */
  session: sessionBrief.nullable(),
  viewers: z.int(),
  links: z.object({
    self: z.string(),
    events: z.string(),
    whep: z.string(),
    liveTs: z.string(),
    embed: z.string(),
  }),
}).meta({ id: "Channel" });
export type ChannelView = z.infer<typeof channelView>;

/** One entry of a channel's feed: at once, and whenever it shows another session or is in another state. */
export const channelEvent = z.object({ event: z.literal("channel"), data: channelView }).meta({ id: "ChannelEvent" });
export type ChannelEvent = z.infer<typeof channelEvent>;

export const modelView = z.object({
  id: z.string(),
  name: z.string(),
  isDefault: z.boolean(),
  state: z.enum(["cold", "loading", "ready"]),
  device: z.string(),
  schedules: z.array(z.enum(schedules)),
  defaults: z.object({
    schedule: z.enum(schedules),
    steps: z.int(),
    guidance: z.number(),
    cfg: z.number(),
    windowLatentFrames: z.int(),
    widthPx: z.int(),
    heightPx: z.int(),
  }),
  /** Sizes offered, best first match for a square picture first. */
  sizes: z.array(z.object({ widthPx: z.int(), heightPx: z.int() })),
  framesPerSection: z.int(),
  frameRate: z.int(),
  /** Measured on this device; of several the slowest. Empty before the first section. */
  measured: z.array(z.object({
    widthPx: z.int(),
    heightPx: z.int(),
    secondsPerStep: z.number(),
    secondsPerDecode: z.number(),
  })),
  /** LoRA files that may be named in `loras`. `fault` tells why one cannot be used with this model; null when it can. */
  loras: z.array(z.object({ name: z.string(), fault: z.string().nullable() })),
  examples: z.array(z.object({ image: z.string(), prompt: z.string(), title: z.string() })),
  /** What a model with a narrow domain can be asked for, as the ends of sentences; null for any other. */
  understands: z.object({
    subjects: z.string(),
    motions: z.array(z.string()),
    together: z.array(z.string()),
    speeds: z.array(z.string()),
    otherwise: z.string(),
  }).nullable(),
}).meta({ id: "Model" });
export type ModelView = z.infer<typeof modelView>;

export const engineStates = ["starting", "idle", "running", "lost"] as const;
export type EngineState = typeof engineStates[number];

export const healthView = z.object({
  /** `degraded`: an engine is lost. */
  status: z.enum(["ok", "starting", "degraded"]),
  version: z.string(),
  /** Of several the state of the one that can do most, and what all of them run on. */
  engine: z.object({ state: z.enum(engineStates), device: z.string(), model: z.string() }),
  /** Each by itself. `lost`: it cannot be used, or not until it is ready again. */
  engines: z.array(z.object({ device: z.string(), state: z.enum(engineStates) })),
  sessions: z.object({ running: z.int(), queued: z.int() }),
  viewers: z.int(),
}).meta({ id: "Health" });
export type HealthView = z.infer<typeof healthView>;
