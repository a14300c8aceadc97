/**
 * The embedded model and its example pictures, for the tests that run a real model.
 * @module
 */
import { join } from "node:path";
import type { GenerationRequest, ResolvedSettings } from "../src/engine/mod.ts";
import { decodeImage } from "../src/image.ts";
import { root } from "./task_command.ts";

export const emojiDir: string = join(root, "models", "emoji");

export const example = {
  file: join(emojiDir, "examples", "sailboat-left.png"),
  prompt: "The sailboat slides to the left and comes back.",
};

/** The start picture as it is uploaded. */
export async function exampleBlob(): Promise<Blob> {
  return new Blob([await Deno.readFile(example.file)], { type: "image/png" });
}

/** Two sections of two steps, but for what `settings` say. */
export async function exampleRequest(settings: Partial<ResolvedSettings> = {}): Promise<GenerationRequest> {
  return {
    image: await decodeImage(await Deno.readFile(example.file)),
    modelDir: emojiDir,
    settings: {
      prompt: example.prompt,
      promptChanges: [],
      negativePrompt: "",
      durationSeconds: 2.4,
      seed: 31337,
      steps: 2,
      guidance: 10,
      cfg: 1,
      cfgRescale: 0,
      schedule: "inverted",
      windowLatentFrames: 9,
      teaCacheThreshold: 0,
      previews: false,
      widthPx: 96,
      heightPx: 96,
      ...settings,
    },
  };
}
