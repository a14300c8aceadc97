/**
 * Adaptive layer norm (arXiv 2212.09748, section 3.2): shift, scale and gate vectors made from the condition.
 * They depend on the step, the guidance and the pooled text alone, so all blocks' vectors are computed once per step of
 * the schedule and reused by every section: a table `[vectors, hidden]`, rows in the order of `modulationRows`.
 * @module
 */
import { silu } from "../layers/activation.ts";
import { linear } from "../layers/linear.ts";
import type { Module, Value } from "../onnx/graph.ts";
import { add, concat, reshape, slice } from "../onnx/operators.ts";
import type { TransformerConfig } from "./transformer_config.ts";

export interface ScaleAndShift {
  /** 1 + the network's scale, so that LN(x) · scale + shift is one operator. `[hidden]` */
  readonly scale: Value;
  readonly shift: Value;
}

export interface Modulation extends ScaleAndShift {
  readonly gate: Value;
}

/** Reads the vectors of one layer out of the table. */
export interface Modulations {
  dual(norm: Module): { readonly attention: Modulation; readonly mlp: Modulation };
  single(norm: Module): Modulation;
  head(norm: Module): ScaleAndShift;
}

/** Checkpoint path of each modulation layer and how many vectors it makes, in table order. */
function* modulationLayers(config: TransformerConfig): Generator<{ readonly path: string; readonly vectors: number }> {
  for (let block = 0; block < config.dualBlocks; block++) {
    yield { path: `transformer_blocks.${block}.norm1`, vectors: 6 };
    yield { path: `transformer_blocks.${block}.norm1_context`, vectors: 6 };
  }
  for (let block = 0; block < config.singleBlocks; block++) {
    yield { path: `single_transformer_blocks.${block}.norm`, vectors: 3 };
  }
  yield { path: "norm_out", vectors: 2 };
}

/** Rows of the table. */
export const modulationRows = (config: TransformerConfig): number =>
  [...modulationLayers(config)].reduce((rows, { vectors }) => rows + vectors, 0);

/** condition `[1, hidden]` → the table `[modulationRows, hidden]` */
export function modulationTable(m: Module, config: TransformerConfig, condition: Value): Value {
  const activated = silu(m, condition);
  const parts = [...modulationLayers(config)].map(({ path, vectors }) =>
    reshape(m, linear(m.at(`${path}.linear`), activated, vectors * config.hidden), [vectors, config.hidden])
  );
  return concat(m, 0, ...parts);
}

/** Looks layers up in a table that is an input of the graph. */
export function readModulations(m: Module, config: TransformerConfig, table: Value): Modulations {
  const firstRows = new Map<string, number>();
  let rows = 0;
  for (const { path, vectors } of modulationLayers(config)) {
    firstRows.set(path, rows);
    rows += vectors;
  }
  const one = m.scalar(1);
  const vector = (norm: Module, index: number) => {
    const row = firstRows.get(norm.path)! + index;
    return reshape(norm, slice(norm, table, 0, row, row + 1), [config.hidden]);
  };
  const scaled = (norm: Module, index: number) => add(norm, vector(norm, index), one);
  return {
    dual: (norm) => ({
      attention: { shift: vector(norm, 0), scale: scaled(norm, 1), gate: vector(norm, 2) },
      mlp: { shift: vector(norm, 3), scale: scaled(norm, 4), gate: vector(norm, 5) },
    }),
    single: (norm) => ({ shift: vector(norm, 0), scale: scaled(norm, 1), gate: vector(norm, 2) }),
    // Here the checkpoint has the scale first.
    head: (norm) => ({ scale: scaled(norm, 0), shift: vector(norm, 1) }),
  };
}
