/**
 * The embedded model in this process, as the engine process loads it.
 * @module
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type GenerationRequest, readManifest, resolveSettings } from "../src/engine/mod.ts";
import { type FramePackModel, loadModel } from "../src/engine/model.ts";
import { openRuntime, type Runtime } from "../src/engine/onnx/runtime.ts";
import { generationSettings } from "../src/engine/request.ts";
import { decodeImage } from "../src/image.ts";

export const repository: string = dirname(dirname(fileURLToPath(import.meta.url)));
export const embeddedModelDir = `${repository}/models/emoji`;
/** Processors this process may use: what ONNX Runtime and torch are both given. */
export const threads: number = navigator.hardwareConcurrency;
/** Idle threads sleep as in the server, so that they take nothing from whoever runs in between. */
export const idleThreads = "sleep";

export interface EmbeddedModel extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly model: FramePackModel;
}

export async function loadEmbeddedModel(): Promise<EmbeddedModel> {
  const runtime = openRuntime();
  const model = await loadModel(embeddedModelDir, runtime, { device: { kind: "cpu" }, threads, idleThreads });
  return {
    runtime,
    model,
    async [Symbol.asyncDispose]() {
      await model[Symbol.asyncDispose]();
      runtime[Symbol.dispose]();
    },
  };
}

/** The first example of the embedded model, in the forward schedule, without previews, which the reference has not. */
export async function exampleRequest(durationSeconds: number): Promise<GenerationRequest> {
  const manifest = await readManifest(embeddedModelDir);
  const { image: file, prompt } = manifest.examples[0]!;
  const image = await decodeImage(await Deno.readFile(`${embeddedModelDir}/${file}`));
  const settings = generationSettings.parse({ prompt, durationSeconds, schedule: "forward", previews: false });
  return { image, modelDir: embeddedModelDir, settings: resolveSettings(settings, manifest, image, 1) };
}
