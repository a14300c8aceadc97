/**
 * Prompt and picture become what the transformer is conditioned on. FramePack 97fe5db, `encode_prompt_conds`,
 * `hf_clip_vision_encode`.
 * @module
 */
import type { RgbImage } from "../video.ts";
import type { FramePackModel } from "./model.ts";
import { roundToBfloat16, type Tensor } from "./onnx/tensor.ts";
import type { ResolvedSettings } from "./request.ts";
import { guidanceInput, type InputPrecision } from "./sampling/mod.ts";
import type { ConditionedTransformer } from "./conditioned_transformer.ts";

export interface GenerationConditions extends Disposable {
  /** The transformer under a prompt that was asked for. */
  under(prompt: string): ConditionedTransformer;
  /** Only where true guidance is on. */
  readonly negative: ConditionedTransformer | null;
  /** Of the longest prompt: tokens the text encoder reads, and those that did not fit. */
  readonly promptTokens: number;
  readonly promptTokensCut: number;
}

/** Encodes the prompts and the cropped picture, and prepares the transformer under each prompt. */
export async function conditionsOf(
  model: FramePackModel,
  picture: RgbImage,
  prompts: readonly string[],
  settings: Pick<ResolvedSettings, "negativePrompt" | "guidance" | "cfg">,
  precision: InputPrecision,
  signal: AbortSignal,
): Promise<GenerationConditions> {
  const entering = (tensor: Tensor<"float32">) =>
    precision === "bfloat16" ? { ...tensor, data: roundToBfloat16(tensor.data) } : tensor;
  const image = entering(await model.imageEncoder.encode(picture, signal));
  const guidance = guidanceInput(settings.guidance, precision);
  using made = new DisposableStack();
  const under = async (prompt: string) => {
    const { states, pooled, ...counts } = await model.textEncoder.encode(prompt, signal);
    const conditions = { text: entering(states), pooled: entering(pooled), image, guidance };
    return { transformer: made.use(await model.transformer.condition(conditions, signal)), ...counts };
  };
  const positive = new Map<string, Awaited<ReturnType<typeof under>>>();
  for (const prompt of new Set(prompts)) positive.set(prompt, await under(prompt));
  const negative = settings.cfg === 1 ? null : (await under(settings.negativePrompt)).transformer;
  const kept = made.move();
  return {
    under: (prompt) => positive.get(prompt)!.transformer,
    negative,
    promptTokens: Math.max(0, ...[...positive.values()].map(({ promptTokens }) => promptTokens)),
    promptTokensCut: Math.max(0, ...[...positive.values()].map(({ promptTokensCut }) => promptTokensCut)),
    [Symbol.dispose]: () => kept.dispose(),
  };
}
