/**
 * The engine that runs FramePack in this process.
 * @module
 */
import { chooseDevice, type DeviceChoice, nameOf } from "./device_choice.ts";
import { CheckpointError, DeviceError, RequestError } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo } from "./generate.ts";
import { offeredSizes, readManifest } from "./manifest.ts";
import { type MemoryWishes, type PlannedSettings, planWords } from "./memory/mod.ts";
import type { Engine } from "./mod.ts";
import { type FramePackModel, loadModel, type ModelOptions } from "./model.ts";
import { GraphError } from "./onnx/graph.ts";
import { type Device, openRuntime, type Runtime, type RuntimeOptions } from "./onnx/runtime.ts";
import { PlannedMemory } from "./planned_memory.ts";
import type { GenerationRequest } from "./request.ts";

/** Can be sent to another process. */
export interface FramePackEngineOptions extends Omit<ModelOptions, "device" | "plan"> {
  readonly device: DeviceChoice;
  /** What is decided about a GPU's memory; its tiles are `spatialTiles`. Default: nothing. */
  readonly vram?: Omit<MemoryWishes, "spatialTiles">;
  /** Another ONNX Runtime than the packaged one. */
  readonly libraryPath?: string;
}

/** @param open how ONNX Runtime is come by; another one in tests */
export function createFramePackEngine(
  options: FramePackEngineOptions,
  open: (options: RuntimeOptions) => Runtime = openRuntime,
): Engine {
  return new FramePackEngine(options, open);
}

/** The model in memory, and what of a GPU it was planned to have; another one takes its place. */
interface Loaded {
  readonly modelDir: string;
  readonly model: FramePackModel;
  readonly device: Device;
  readonly memory: PlannedMemory | undefined;
}

/** Of a request, what decides how a model is loaded. */
type Wanted = Pick<GenerationRequest, "modelDir" | "loras"> & { readonly settings: PlannedSettings };

class FramePackEngine implements Engine {
  #runtime: Runtime | undefined;
  #loaded: Loaded | undefined;

  constructor(readonly options: FramePackEngineOptions, readonly open: (options: RuntimeOptions) => Runtime) {}

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    requireWholeTokens(request);
    try {
      const base = yield* this.#load(request, signal);
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
      const model = yield* this.#load({ modelDir, settings: await usualSettings(modelDir) }, signal);
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

  async *#load(wanted: Wanted, signal: AbortSignal): AsyncGenerator<GenerationEvent, FramePackModel> {
    const isAsWanted = this.#loaded?.modelDir === wanted.modelDir &&
      (await this.#loaded.memory?.holds(wanted) ?? true);
    if (!isAsWanted) yield* this.#loadAnew(wanted);
    const { model, device, memory } = this.#loaded!;
    signal.throwIfAborted();
    yield { kind: "device", device: nameOf(device), memory: memory ? planWords(memory.plan) : null };
    return model;
  }

  async *#loadAnew(wanted: Wanted): AsyncGenerator<GenerationEvent> {
    await this.#unload();
    const { device: choice, vram, libraryPath, ...options } = this.options;
    const runtime = this.#runtime ??= this.open(libraryPath === undefined ? {} : { libraryPath });
    yield { kind: "loading", part: "weights", done: 0, of: 1 };
    const device = chooseDevice(choice, runtime);
    const { modelDir } = wanted;
    if (device.kind === "cpu") {
      const availableMemoryBytes = Deno.systemMemoryInfo().available;
      const model = await loadModel(modelDir, runtime, { availableMemoryBytes, ...options, device });
      this.#loaded = { modelDir, model, device, memory: undefined };
    } else {
      const memory = await PlannedMemory.plan(wanted, runtime, device, { ...vram, spatialTiles: options.spatialTiles });
      const model = await loadModel(modelDir, runtime, { ...options, ...memory.modelOptions });
      this.#loaded = { modelDir, model, device, memory };
    }
    yield { kind: "loading", part: "weights", done: 1, of: 1 };
  }

  async #unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.model[Symbol.asyncDispose]();
    if (loaded?.device.kind === "cuda") this.#runtime?.releaseArena(loaded.device);
  }

  /** Where a GPU's memory was not enough, all of it is given back, so that the next video begins with what there is. */
  async #fault(modelDir: string, cause: unknown): Promise<unknown> {
    if (cause instanceof DeviceError && cause.fault === "out of memory") await this.#unload();
    return checkpointFault(modelDir, cause);
  }
}

/** Of a video that leaves everything to the model, with a square picture. */
async function usualSettings(modelDir: string): Promise<PlannedSettings> {
  const manifest = await readManifest(modelDir);
  const { defaultSteps: steps, defaultCfg: cfg } = manifest;
  return { ...offeredSizes(manifest)[0]!, windowLatentFrames: manifest.latentWindowFrames, steps, cfg };
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
