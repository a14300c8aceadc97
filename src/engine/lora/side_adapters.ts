/**
 * Adapters beside the weights that they belong to: x · downᵀ · upᵀ is added to x · Wᵀ. For blocks that are streamed, in
 * whatever format: nothing of a weight has to be made anew, and another set of adapters is there at once.
 * diffusers and PEFT compute the same, `lora_B(lora_A(x)) * scaling`.
 * @module
 */
import { modulationParts } from "../networks/modulation.ts";
import type { TransformerConfig } from "../networks/transformer_config.ts";
import type { SideMatrices } from "../onnx/weight_inputs.ts";
import { lowRankDelta, rankOf } from "./delta.ts";
import { type AppliedAdapter, rowsOf } from "./merge.ts";

/**
 * Adapters that can lie beside their weights: those of blocks and of the layers that make modulation vectors, whose two
 * matrices are smaller than the one that they stand for.
 */
export function adaptersBeside(
  config: TransformerConfig,
  adapters: readonly AppliedAdapter[],
): ReadonlySet<AppliedAdapter> {
  const blocks = modulationParts(config).map(({ block }) => `${block}.`);
  return new Set(adapters.filter(({ parts, targets }) => {
    const rank = rankOf(parts);
    const [rows, columns] = [sum(targets.map(({ rows }) => rows)), targets[0]!.shape[1]!];
    return rank !== undefined && rank * (rows + columns) < rows * columns &&
      targets.every(({ module }) => blocks.some((block) => `${module}.`.startsWith(block)));
  }));
}

/** @param adapters of which each has a low rank */
export function sideMatrices(adapters: Iterable<AppliedAdapter>): SideMatrices {
  const byWeight = new Map<string, AppliedAdapter[]>();
  for (const adapter of adapters) {
    for (const { module } of adapter.targets) {
      const name = `${module}.weight`;
      byWeight.set(name, [...byWeight.get(name) ?? [], adapter]);
    }
  }
  const adaptersOf = (names: readonly string[]) => [...new Set(names.flatMap((name) => byWeight.get(name) ?? []))];
  return {
    rankOf: (names) => sum(adaptersOf(names).map(({ parts }) => rankOf(parts)!)),
    read: (weights) => together(adaptersOf(weights.map(({ name }) => name)), weights),
  };
}

/** All adapters of matrices one below the other, as one; where an adapter does not concern a matrix, `up` is 0. */
async function together(
  adapters: readonly AppliedAdapter[],
  weights: Parameters<SideMatrices["read"]>[0],
): ReturnType<SideMatrices["read"]> {
  const rank = sum(adapters.map(({ parts }) => rankOf(parts)!));
  const [rows, columns] = [sum(weights.map(({ shape }) => shape[0]!)), weights[0]!.shape[1]!];
  const [up, down] = [new Float32Array(rows * rank), new Float32Array(rank * columns)];
  let first = 0;
  for (const { strength, targets, ...adapter } of adapters) {
    const own = lowRankDelta(await adapter.read())!; // its rank was known
    down.set(own.down.data, first * columns);
    let above = 0;
    for (const { name, shape } of weights) {
      const target = targets.find(({ module }) => `${module}.weight` === name);
      const numbers = target ? rowsOf(target, own.up.data, own.up.columns) : new Float32Array();
      for (const [i, number] of numbers.entries()) {
        const [row, column] = [above + Math.floor(i / own.up.columns), first + i % own.up.columns];
        up[row * rank + column] = strength * number;
      }
      above += shape[0]!;
    }
    first += own.down.rows;
  }
  return { up, down };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
