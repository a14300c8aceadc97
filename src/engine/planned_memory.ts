/**
 * A GPU's memory as it was found and shared out for a model, from the first video of a size to one that asks for another
 * plan.
 * @module
 */
import {
  type AnsweredQuestion,
  type MemoryPlan,
  type MemoryWishes,
  planFor,
  planHolds,
  type PlannedSettings,
  readModelSizes,
  workOf,
} from "./memory/mod.ts";
import { adapterWork } from "./lora/adapter_work.ts";
import type { ModelOptions } from "./model.ts";
import type { CudaDevice, Runtime } from "./onnx/runtime.ts";
import type { GenerationRequest } from "./request.ts";

/** Of a request, what it asks of memory. */
export type MemoryRequest = Pick<GenerationRequest, "modelDir" | "loras"> & { readonly settings: PlannedSettings };

export class PlannedMemory {
  readonly #answered: AnsweredQuestion;
  readonly #device: CudaDevice;

  private constructor(answered: AnsweredQuestion, device: CudaDevice) {
    this.#answered = answered;
    this.#device = device;
  }

  /**
   * Asks the card what is free, and shares it out. Nothing of the model may be there yet.
   * @param margin share of the working memory that is added to what is calculated
   * @throws MemoryShortageError; CheckpointError; DeviceError when the card does not answer
   */
  static async plan(
    { modelDir, settings, loras }: MemoryRequest,
    runtime: Pick<Runtime, "memoryInfo">,
    device: CudaDevice,
    wishes: MemoryWishes,
    margin: number,
  ): Promise<PlannedMemory> {
    const model = await readModelSizes(modelDir);
    const adapters = await adapterWork(modelDir, loras);
    const card = runtime.memoryInfo(device);
    return new PlannedMemory(planFor(workOf(settings, model, adapters), { card, model, wishes, margin }), device);
  }

  get plan(): MemoryPlan {
    return this.#answered.plan;
  }

  /**
   * Whether another video of the same model can be made under this plan. One for which the card was too small when it was
   * planned for is refused here, so that the model stays for those that fit.
   * @throws MemoryShortageError
   */
  async holds({ modelDir, settings, loras }: MemoryRequest): Promise<boolean> {
    const { question } = this.#answered;
    const work = workOf(settings, question.model, await adapterWork(modelDir, loras));
    planFor(work, question);
    return planHolds(this.#answered, work);
  }

  /** The model's part of it. */
  get modelOptions(): Required<Pick<ModelOptions, "device" | "plan" | "spatialTiles">> {
    const { plan } = this.#answered;
    const { arenaBytes, residentBytes, residentInputsBytes } = plan;
    const memoryLimitBytes = arenaBytes + residentBytes - residentInputsBytes;
    return { device: { ...this.#device, memoryLimitBytes, arenaBytes }, plan, spatialTiles: plan.vae.spatialTiles };
  }
}
