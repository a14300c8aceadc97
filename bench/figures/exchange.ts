/**
 * Inputs and results that the reference left in a file, and the transformer set up on them.
 * @module
 */
import { openCheckpoint } from "../../src/engine/onnx/safetensors.ts";
import { float32Tensor } from "../../src/engine/onnx/tensor.ts";
import type { FramePackTransformer, SectionContext } from "../../src/engine/transformer.ts";

export interface Exchange {
  /** Of the pictures, in latent pixels. */
  readonly latentSize: { readonly height: number; readonly width: number };
  readonly textTokens: number;
  input(name: string): Float32Array;
  output(name: string): Float32Array;
}

/** @param folder where `reference/main.py` wrote `model.safetensors` */
export async function readExchange(folder: string): Promise<Exchange> {
  const file = await openCheckpoint(`${folder}/model.safetensors`);
  const tensors = new Map(
    await Promise.all(file.names().map(async (name) => [name, await file.readFloat32(name)] as const)),
  );
  const [, , , height, width] = file.get("in.latents").shape as [number, number, number, number, number];
  return {
    latentSize: { height, width },
    textTokens: tensors.get("in.text_mask")!.reduce((sum, valid) => sum + valid, 0),
    input: (name) => tensors.get(`in.${name}`)!,
    output: (name) => tensors.get(`out.${name}`)!,
  };
}

/** `whole` computes everything from the conditions on; `step` what a section computes in each of its steps. */
export async function transformerOf(transformer: FramePackTransformer, exchange: Exchange) {
  const signal = new AbortController().signal;
  const { textDim, pooledDim, imageDim } = transformer.source.config;
  const rows = (name: string, width: number, count = Infinity) => {
    const data = exchange.input(name);
    const height = Math.min(data.length / width, count);
    return float32Tensor([height, width], data.slice(0, height * width));
  };
  const conditions = {
    text: rows("text", textDim, exchange.textTokens),
    pooled: rows("pooled", pooledDim),
    image: rows("image", imageDim),
    guidance: exchange.input("guidance")[0]!,
  };
  const timestep = exchange.input("timestep")[0]!;
  const latents = exchange.input("latents");
  const prepare = async () =>
    await (await transformer.condition(conditions, signal)).section(contextOf(exchange), signal);
  const velocity = async (model: Awaited<ReturnType<typeof prepare>>) =>
    (await model.run(await model.embed(latents, timestep, signal), signal)).velocity;
  const prepared = await prepare();
  return {
    whole: async () => await velocity(await prepare()),
    step: async () => await velocity(prepared),
  };
}

function contextOf({ input, latentSize: { height, width } }: Exchange): SectionContext {
  const frames = (name: string) => input(name).length / (16 * height * width);
  const indices = (name: string) => Array.from(input(name));
  return {
    shape: {
      window: [frames("latents"), height, width],
      history: { "1x": frames("history_1x"), "2x": frames("history_2x"), "4x": frames("history_4x") },
    },
    indices: {
      noisy: indices("indices_window"),
      clean1x: indices("indices_1x"),
      clean2x: indices("indices_2x"),
      clean4x: indices("indices_4x"),
    },
    history: { "1x": input("history_1x"), "2x": input("history_2x"), "4x": input("history_4x") },
  };
}

/** ‖a − b‖ / ‖b‖ */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`Cannot compare ${a.length} numbers with ${b.length}`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
