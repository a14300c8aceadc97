/**
 * Adaptive layer norm (arXiv 2212.09748, section 3.2): shift, scale and gate vectors made from the condition.
 * They depend on the step, the guidance and the pooled text alone, so all blocks' vectors are computed once per step of
 * the schedule and reused by every section: a table `[vectors, hidden]`, rows in the order of `modulationRows`.
 * @module
 */
import { silu } from "../layers/activation.ts";
import { linear } from "../layers/linear.ts";
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { add, concat, gather, reshape } from "../onnx/operators.ts";
import type { TransformerConfig } from "./transformer_config.ts";

export interface ScaleAndShift {
  /** 1 + the network's scale, as the table holds it, so that LN(x) · scale + shift is one operator. `[hidden]` */
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

/** What one layer makes of the condition, in the checkpoint's order. */
type Role = "shift" | "scale" | "gate";

/** One modulation layer: its checkpoint path, the vectors it makes, and the block they are for. */
interface ModulationLayer {
  /** Checkpoint path of a block; of the head that of its layer. */
  readonly block: string;
  readonly path: string;
  readonly roles: Role[];
}

/** In table order. */
function* modulationLayers(config: TransformerConfig): Generator<ModulationLayer> {
  const branch: Role[] = ["shift", "scale", "gate"];
  for (let index = 0; index < config.dualBlocks; index++) {
    const block = `transformer_blocks.${index}`;
    yield { block, path: `${block}.norm1`, roles: [...branch, ...branch] };
    yield { block, path: `${block}.norm1_context`, roles: [...branch, ...branch] };
  }
  for (let index = 0; index < config.singleBlocks; index++) {
    const block = `single_transformer_blocks.${index}`;
    yield { block, path: `${block}.norm`, roles: branch };
  }
  yield { block: "norm_out", path: "norm_out", roles: ["scale", "shift"] };
}

/** All layers, or those of one block. */
const layersOf = (config: TransformerConfig, block?: string) =>
  [...modulationLayers(config)].filter((layer) => block === undefined || layer.block === block);

const countRows = (layers: readonly ModulationLayer[]) => layers.reduce((rows, { roles }) => rows + roles.length, 0);

/** Rows of the table, or of one block's part of it. */
export const modulationRows = (config: TransformerConfig, block?: string): number => countRows(layersOf(config, block));

/** Each block's rows `[start, end)` of the table, in table order; the head's last. */
export function modulationParts(
  config: TransformerConfig,
): { readonly block: string; readonly start: number; readonly end: number }[] {
  let end = 0;
  return [...new Set(layersOf(config).map(({ block }) => block))].map((block) => {
    const start = end;
    end += modulationRows(config, block);
    return { block, start, end };
  });
}

/** condition `[1, hidden]` → the table `[modulationRows, hidden]`, or one block's part of it */
export function modulationTable(m: Module, config: TransformerConfig, condition: Value, block?: string): Value {
  const activated = silu(m, condition);
  const layers = layersOf(config, block);
  const parts = layers.map(({ path, roles }) =>
    reshape(m, linear(m.at(`${path}.linear`), activated, roles.length * config.hidden), [roles.length, config.hidden])
  );
  const ones = layers.flatMap(({ roles }) => roles.map((role) => role === "scale" ? 1 : 0));
  const data = Float32Array.from(ones);
  const onesOfScales = m.graph.constant("modulation/ones", { dtype: "float32", shape: [ones.length, 1], data });
  return add(m, concat(m, 0, ...parts), castTo(m, onesOfScales, m.graph.computeDType));
}

/** Looks layers up in a table that is an input of the graph, or in one block's part of it. */
export function readModulations(m: Module, config: TransformerConfig, table: Value, block?: string): Modulations {
  const firstRows = new Map<string, number>();
  let rows = 0;
  for (const { path, roles } of layersOf(config, block)) {
    firstRows.set(path, rows);
    rows += roles.length;
  }
  const vector = (norm: Module, index: number) => {
    const row = firstRows.get(norm.path)! + index;
    const data = BigInt64Array.of(BigInt(row));
    return gather(norm, table, m.graph.constant(`row:${row}`, { dtype: "int64", shape: [], data }));
  };
  const branch = (norm: Module, first: number): Modulation => ({
    shift: vector(norm, first),
    scale: vector(norm, first + 1),
    gate: vector(norm, first + 2),
  });
  return {
    dual: (norm) => ({ attention: branch(norm, 0), mlp: branch(norm, 3) }),
    single: (norm) => branch(norm, 0),
    head: (norm) => ({ scale: vector(norm, 0), shift: vector(norm, 1) }), // in the checkpoint's order
  };
}
