/**
 * The engine that runs FramePack in this process.
 * @module
 */
import { chooseDevice, type DeviceChoice } from "./device_choice.ts";
import { CheckpointError, DeviceError, RequestError } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo } from "./generate.ts";
import type { Engine } from "./mod.ts";
import { type FramePackModel, loadModel, type ModelOptions } from "./model.ts";
import { GraphError } from "./onnx/graph.ts";
import { openRuntime, type Runtime } from "./onnx/runtime.ts";
import type { GenerationRequest } from "./request.ts";

/** Can be sent to another process. */
export interface FramePackEngineOptions extends Omit<ModelOptions, "device"> {
  readonly device: DeviceChoice;
  /** Another ONNX Runtime than the packaged one. */
  readonly libraryPath?: string;
}

export function createFramePackEngine(options: FramePackEngineOptions): Engine {
  return new FramePackEngine(options);
}

class FramePackEngine implements Engine {
  #runtime: Runtime | undefined;
  /** The model in memory; another one takes its place. */
  #loaded: { readonly modelDir: string; readonly model: FramePackModel } | undefined;

  constructor(readonly options: FramePackEngineOptions) {}

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    requireWholeTokens(request);
    try {
      const base = yield* this.#load(request.modelDir, signal);
      const model = yield* underLoras(base, request, signal);
      for await (const event of generateVideo(model, request, signal)) {
        if (event.kind !== "latents") yield event;
      }
    } catch (cause) {
      throw await this.#fault(request.modelDir, cause);
    }
  }

  async *warm(modelDir: string, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    try {
      const model = yield* this.#load(modelDir, signal);
      yield* model.warm(signal);
    } catch (cause) {
      throw await this.#fault(modelDir, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unload();
    this.#runtime?.[Symbol.dispose]();
    this.#runtime = undefined;
  }

  async *#load(modelDir: string, signal: AbortSignal): AsyncGenerator<GenerationEvent, FramePackModel> {
    if (this.#loaded?.modelDir === modelDir) return this.#loaded.model;
    await this.#unload();
    const { libraryPath } = this.options;
    this.#runtime ??= openRuntime(libraryPath === undefined ? {} : { libraryPath });
    yield { kind: "loading", part: "weights", done: 0, of: 1 };
    const availableMemoryBytes = Deno.systemMemoryInfo().available;
    const device = chooseDevice(this.options.device, this.#runtime);
    const model = await loadModel(modelDir, this.#runtime, { availableMemoryBytes, ...this.options, device });
    this.#loaded = { modelDir, model };
    signal.throwIfAborted();
    yield { kind: "loading", part: "weights", done: 1, of: 1 };
    return model;
  }

  async #unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.model[Symbol.asyncDispose]();
  }

  /** Where a GPU's memory was not enough, all of it is given back, so that the next video begins with what there is. */
  async #fault(modelDir: string, cause: unknown): Promise<unknown> {
    if (cause instanceof DeviceError && cause.fault === "out of memory") await this.#unload();
    return checkpointFault(modelDir, cause);
  }
}

async function* underLoras(
  model: FramePackModel,
  { loras = [] }: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, FramePackModel> {
  if (loras.length === 0) return model;
  yield { kind: "loading", part: "LoRA", done: 0, of: 1 };
  const adapted = await model.underLoras(loras, signal);
  yield { kind: "loading", part: "LoRA", done: 1, of: 1 };
  return adapted;
}

/** A graph that cannot be built tells that the folder's configurations contradict each other; anything else is as it is. */
function checkpointFault(modelDir: string, cause: unknown): unknown {
  if (!(cause instanceof GraphError)) return cause;
  return new CheckpointError(`Cannot use the model folder "${modelDir}": ${cause.message}`, { cause });
}

/** A token covers 16 × 16 pixels. */
function requireWholeTokens({ settings: { widthPx, heightPx } }: GenerationRequest): void {
  for (const [side, sizePx] of [["width", widthPx], ["height", heightPx]] as const) {
    if (sizePx % 16 !== 0 || sizePx < 16) {
      throw new RequestError("resolution", `The ${side} of ${sizePx} px is not a multiple of 16`);
    }
  }
}
