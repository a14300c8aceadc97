/**
 * What lies beside the matrices of one block: its place in memory, and how it gets there.
 * @module
 */
import { storedAs } from "../onnx/tensor.ts";
import { pathBelow, type SideInput, type SideMatrices } from "../onnx/weight_inputs.ts";
import { layoutOf, type WeightLayout } from "./weight_layout.ts";

export interface SideBlock {
  /** Checkpoint path of the block. */
  readonly path: string;
  readonly layout: WeightLayout;
  /** Fills memory up to the layout's size. */
  readonly read: (into: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** A product that has nothing beside it in this block, and has in another of its kind, gets a rank of 1 and zeros. */
export function sideBlock(path: string, inputs: readonly SideInput[], matrices: SideMatrices): SideBlock {
  const products = inputs.map(({ name, dtype, parts }) => {
    const weights = parts.map((part) => ({ ...part, name: pathBelow(path, part.name) }));
    return { name, dtype, weights, rank: matrices.rankOf(weights.map((weight) => weight.name)) };
  });
  const layout = layoutOf(products.flatMap(({ name, dtype, weights, rank }) => {
    const [rows, columns] = [weights.reduce((sum, { shape }) => sum + shape[0]!, 0), weights[0]!.shape[1]!];
    const [up, down] = [[rows, Math.max(rank, 1)], [Math.max(rank, 1), columns]];
    return [
      { name: `${name}:up`, dtype, shape: up, parts: [{ name: `${name}:up`, shape: up }] },
      { name: `${name}:down`, dtype, shape: down, parts: [{ name: `${name}:down`, shape: down }] },
    ];
  }));
  return {
    path,
    layout,
    async read(into) {
      into.fill(0, 0, layout.sizeBytes);
      for (const { name, dtype, weights, rank } of products) {
        if (rank === 0) continue;
        const { up, down } = await matrices.read(weights);
        for (const [end, numbers] of [["up", up], ["down", down]] as const) {
          const place = layout.tensors.find((tensor) => tensor.name === `${name}:${end}`)!;
          into.set(storedAs(dtype, numbers), place.offsetBytes);
        }
      }
    },
  };
}
