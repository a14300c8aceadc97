/**
 * All blocks of a transformer and its modulation layers, with where their weights are. Pure.
 * @module
 */
import { modulationParts } from "../networks/modulation.ts";
import {
  blockModulationGraph,
  dualBlockGraph,
  type ModulatedKind,
  singleBlockGraph,
} from "../transformer_block_graphs.ts";
import type { SectionShape, TransformerSource } from "../transformer_graphs.ts";
import type { FedGraph } from "../onnx/weight_inputs.ts";
import { type SideBlock, sideBlock } from "./side_block.ts";
import { layoutOf } from "./weight_layout.ts";
import type { StreamedBlock } from "./weight_reader.ts";

/** A block, or a block's modulation layers, and its rows `[start, end)` of the modulation table. */
export interface KnownBlock<Kind extends ModulatedKind = ModulatedKind> extends StreamedBlock {
  readonly kind: Kind;
  /** What lies beside its matrices and is never streamed; undefined where graphs of its kind take nothing so. */
  readonly side: SideBlock | undefined;
  /** Counted from 0 within its kind. */
  readonly index: number;
  readonly rows: { readonly start: number; readonly end: number };
}

/** In the order of computing. */
export function blocksOf(source: TransformerSource): KnownBlock<"dual" | "single">[] {
  const { dualBlocks, singleBlocks } = source.config;
  const inputs = {
    dual: dualBlocks > 0 ? inputsOf(dualBlockGraph(source, anyShape)) : undefined,
    single: singleBlocks > 0 ? inputsOf(singleBlockGraph(source, anyShape)) : undefined,
  };
  return partsOf(source).flatMap(({ kind, ...part }) =>
    kind === "head" ? [] : [{ kind, ...part, ...inputs[kind]!(part.path, source) }]
  );
}

/** The layers that make each block's vectors, and the head's. */
export function modulationLayersOf(source: TransformerSource): KnownBlock[] {
  const parts = partsOf(source);
  const kinds = [...new Set(parts.map(({ kind }) => kind))];
  const inputs = new Map(kinds.map((kind) => [kind, inputsOf(blockModulationGraph(source, kind))]));
  return parts.map((part) => ({ ...part, ...inputs.get(part.kind)!(part.path, source) }));
}

/** What lies beside the matrices of each block, then of each modulation layer; nothing where the source has none. */
export function sidesInOrder(source: TransformerSource): (SideBlock | undefined)[] {
  return source.sides ? [...blocksOf(source), ...modulationLayersOf(source)].map(({ side }) => side) : [];
}

/** The same without gaps. */
export const sidesOf = (source: TransformerSource): SideBlock[] => sidesInOrder(source).flatMap((side) => side ?? []);

/** Where a graph's inputs lie: weights alike in all blocks of its kind, what is beside them in each by its rank. */
function inputsOf({ weights, sides = [] }: FedGraph) {
  const layout = layoutOf(weights);
  return (path: string, { sides: matrices }: TransformerSource) => ({
    layout,
    side: matrices && sides.length > 0 ? sideBlock(path, sides, matrices) : undefined,
  });
}

/** Which weights a block has does not depend on it. */
const anyShape: SectionShape = { window: [1, 2, 2], history: { "1x": 0, "2x": 0, "4x": 0 } };

function partsOf({ config }: TransformerSource): Omit<KnownBlock, "layout" | "side">[] {
  return modulationParts(config).map(({ block: path, ...rows }) => {
    const [, name, index = "0"] = /^(.*?)(?:\.(\d+))?$/.exec(path)!;
    const kind = name === "transformer_blocks" ? "dual" : name === "single_transformer_blocks" ? "single" : "head";
    return { kind, path, index: Number(index), rows };
  });
}
