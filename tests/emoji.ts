/**
 * The embedded model and its example pictures, for the tests that run a real model.
 * @module
 */
import { join } from "node:path";
import type { GenerationRequest, ResolvedSettings } from "../src/engine/mod.ts";
import { decodeImage } from "../src/image.ts";
import { root } from "./task_command.ts";

export const emojiDir: string = join(root, "models", "emoji");

export const cupcake = {
  file: join(emojiDir, "examples", "unseen-left-cupcake.png"),
  prompt: "The cupcake slides to the left and comes back.",
};

/** The start picture as it is uploaded. */
export async function cupcakeBlob(): Promise<Blob> {
  return new Blob([await Deno.readFile(cupcake.file)], { type: "image/png" });
}

/** Two sections of two steps, but for what `settings` say. */
export async function cupcakeRequest(settings: Partial<ResolvedSettings> = {}): Promise<GenerationRequest> {
  return {
    image: await decodeImage(await Deno.readFile(cupcake.file)),
    modelDir: emojiDir,
    settings: {
      prompt: cupcake.prompt,
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
