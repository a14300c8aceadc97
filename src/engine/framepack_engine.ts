/**
 * The engine that runs FramePack in this process.
 * @module
 */
import { chooseDevice, type DeviceChoice, nameOf } from "./device_choice.ts";
import { CheckpointError, DeviceError, RequestError } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo } from "./generate.ts";
import { offeredSizes, readManifest } from "./manifest.ts";
import { type MemoryWishes, type PlannedSettings, planWords, workingMargins } from "./memory/mod.ts";
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
  /** Of the margin that plans are made with: grows where one was not enough, and stays. */
  #marginIndex = 0;

  constructor(readonly options: FramePackEngineOptions, readonly open: (options: RuntimeOptions) => Runtime) {}

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    requireWholeTokens(request);
    yield* this.#underPlans(request, async function* (base) {
      const model = yield* underLoras(base, request, signal);
      for await (const event of generateVideo(model, request, signal)) {
        if (event.kind !== "latents") yield event;
      }
    }, signal);
  }

  async *warm(modelDir: string, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    yield* this.#underPlans(
      { modelDir, settings: await usualSettings(modelDir) },
      (model) => model.warm(signal),
      signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unload();
    this.#runtime?.[Symbol.dispose]();
    this.#runtime = undefined;
  }

  /**
   * Loads what is wanted, and works with it. A plan is calculated, and may turn out to be too small for a card: as long as
   * there are no frames, nothing is lost, and the work begins again under one that has more to spare.
   */
  async *#underPlans(
    wanted: Wanted,
    work: (model: FramePackModel) => AsyncIterable<GenerationEvent>,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent> {
    for (let hasFrames = false;;) {
      try {
        for await (const event of work(yield* this.#load(wanted, signal))) {
          hasFrames ||= event.kind === "frames";
          yield event;
        }
        return;
      } catch (cause) {
        const isFull = cause instanceof DeviceError && cause.fault === "out of memory";
        // All of it is given back, so that what comes next begins with what there is.
        if (isFull) await this.#unload();
        if (!isFull || hasFrames || this.#marginIndex === workingMargins.length - 1) {
          throw checkpointFault(wanted.modelDir, cause);
        }
        this.#marginIndex++;
      }
    }
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
      const wishes = { ...vram, spatialTiles: options.spatialTiles };
      const memory = await PlannedMemory.plan(wanted, runtime, device, wishes, workingMargins[this.#marginIndex]!);
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
