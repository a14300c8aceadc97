/**
 * What somebody may ask of an engine. The schema is the only definition: types, form limits and the OpenAPI document
 * come from it.
 * @module
 */
import { z } from "zod";
import type { RgbImage } from "../video.ts";
import { RequestError } from "./errors.ts";
import type { ResumePoint } from "./event.ts";
import type { LoraFile } from "./lora/adapter_file.ts";

export const schedules = ["inverted", "forward"] as const;
export type Schedule = (typeof schedules)[number];

const seedMax = Number.MAX_SAFE_INTEGER;

/** From a second of the video on. */
const promptChange = z.strictObject({ atSeconds: z.number().min(0).max(120), prompt: z.string().max(4000) });

/** Settings as a user gives them; what is left out comes from the model's manifest. */
export const generationSettings = z.strictObject({
  prompt: z.string().max(4000).default("").describe("What should happen, in the order it happens. May be empty."),
  promptChanges: z.array(promptChange).max(100).default([]).describe(
    "Other prompts from a second of the video on. A section has the prompt of its middle. In a form as JSON: " +
      '`[{"atSeconds": 2.4, "prompt": "It spins."}]`.',
  ),
  negativePrompt: z.string().max(4000).default("").describe("What to avoid; has an effect only with `cfg` above 1."),
  durationSeconds: z.number().min(1).max(120).default(5).describe(
    "Length asked for. The video has 36 n + 1 frames at 30 per second, n the nearest number of sections of 36 frames; with " +
      "another window, 4 times its latent frames.",
  ),
  seed: z.int().min(-1).max(seedMax).default(31337).describe(
    "Same seed, same settings: same frames. -1 draws one; the view tells which.",
  ),
  steps: z.int().min(1).max(100).optional().describe("Denoising steps per section. Default: the model's."),
  guidance: z.number().min(0).max(100).optional().describe("Embedded (distilled) guidance. Default: the model's."),
  cfg: z.number().min(1).max(30).optional().describe(
    "True classifier-free guidance; 1 is off, more costs a second pass per step.",
  ),
  cfgRescale: z.number().min(0).max(1).default(0).describe("Guidance rescale (arXiv 2305.08891, equation 16)."),
  shift: z.number().min(0.01).max(100).optional().describe("Flow shift. Default: from the number of tokens."),
  schedule: z.enum(schedules).optional().describe(
    "Section order. `inverted`: end first (anti-drift). `forward`: start first. Default: the model's.",
  ),
  windowLatentFrames: z.int().min(1).max(33).optional().describe(
    "Latent frames made in one section, 4 frames each. Default: the model's, which it was trained with; FramePack's is 9.",
  ),
  teaCacheThreshold: z.number().min(0).max(1).default(0).describe("TeaCache step skipping; 0 is off, 0.15 is usual."),
  previews: z.boolean().default(true).describe(
    "Whether the live picture shows a moving estimate of the section in work, sharper with every step. Frames and file " +
      "are the same either way.",
  ),
  resolution: z.union([z.int().min(64).max(2048), z.string().regex(/^\d{2,4}x\d{2,4}$/)]).optional().describe(
    "Bucket family (640: the best of its sizes for the picture) or an exact `WIDTHxHEIGHT`, multiples of 16. Default: the model's.",
  ),
});
export type GenerationSettings = z.infer<typeof generationSettings>;

/** What stands in for the start picture where there is none. */
export const plainStarts = ["black", "white", "green", "noise"] as const;
export type PlainStart = (typeof plainStarts)[number];

/** What a video begins with, as a user gives it. */
export const startChoice = z.enum(["picture", ...plainStarts]).default("picture").describe(
  "What the video begins with: the picture that is sent, or, to start from words alone, none but a plain one of this " +
    "colour, or of noise that follows from the seed. Needs a `resolution` where the model has several and a square one is " +
    "not wanted.",
);
export type StartChoice = z.infer<typeof startChoice>;

/** How much an end picture counts, as a user gives it. */
export const endStrengthChoice = z.number().min(0.05).max(1).optional().describe(
  "How much the end picture counts: 1, the default, is as much as a frame that was made. Only with an end picture.",
);

/** LoRA files of one video, by name, as a user gives them. */
export const loraChoices = z.array(z.strictObject({
  name: z.string().min(1).max(255),
  strength: z.number().min(-10).max(10).default(1),
})).max(16).refine(
  (choices) => new Set(choices.map(({ name }) => name)).size === choices.length,
  "must name each LoRA once",
).describe(
  "LoRA files by name, of those that `/api/models` lists, each with its strength: 1 is as trained, below 0 turns it round. " +
    'Several add up. In a form as JSON: `[{"name": "ink", "strength": 0.8}]`.',
);
export type LoraChoice = z.infer<typeof loraChoices>[number];

/** Settings with every default filled in: the recipe. The same recipe and picture give the same frames. */
export type ResolvedSettings =
  & {
    [Key in Exclude<keyof GenerationSettings, "shift" | "resolution">]-?: Exclude<GenerationSettings[Key], undefined>;
  }
  & {
    readonly shift?: number | undefined;
    readonly widthPx: number;
    readonly heightPx: number;
  };

/** The frame a video is to end with; it guides what is made and is not shown itself. */
export interface EndFrame {
  /** Any size; the engine scales and crops it like the start picture. */
  readonly image: RgbImage;
  /** 0.05 to 1: what its latent frame is multiplied by. */
  readonly strength: number;
}

/** One video to be made. */
export interface GenerationRequest {
  /** The start picture, any size; the engine scales and crops it to the video's size. */
  readonly image: RgbImage;
  readonly settings: ResolvedSettings;
  /** Model folder in Hugging Face layout. */
  readonly modelDir: string;
  /** For the inverted schedule only, see `requireEndPossible()`. */
  readonly end?: EndFrame;
  /** Adapters of this video alone; none when left out. */
  readonly loras?: readonly LoraFile[];
  /** Sections that are made already, by a request that is otherwise the same; their frames are not made again. */
  readonly resume?: ResumePoint;
}

/**
 * The forward schedule knows nothing of what is to come, so it has no place for an end picture. Neither have the published
 * programs for it (FramePack-Studio and eichi with F1).
 * @throws `RequestError`
 */
export function requireEndPossible({ schedule }: Pick<ResolvedSettings, "schedule">): void {
  if (schedule === "inverted") return;
  throw new RequestError("endImage", `The order "${schedule}" cannot be led to an end picture, only "inverted" can`);
}

/** What a setting must be, as the end of a sentence that begins with its name. */
export function demandOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      return `must be at least ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `must have at most ${issue.maximum} characters`;
      return issue.origin === "array"
        ? `must have at most ${issue.maximum} entries`
        : `must be at most ${issue.maximum}`;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "invalid_type":
      if (issue.expected === "array") return "must be a list in JSON";
      return `must be a ${issue.expected === "int" ? "whole number" : issue.expected}`;
    case "invalid_union":
      return "must be a number from 64 to 2048 or WIDTHxHEIGHT";
    default:
      return issue.message;
  }
}
