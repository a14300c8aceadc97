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
import { layoutOf } from "./weight_layout.ts";
import type { StreamedBlock } from "./weight_reader.ts";

/** A block, or a block's modulation layers, and its rows `[start, end)` of the modulation table. */
export interface KnownBlock<Kind extends ModulatedKind = ModulatedKind> extends StreamedBlock {
  readonly kind: Kind;
  /** Counted from 0 within its kind. */
  readonly index: number;
  readonly rows: { readonly start: number; readonly end: number };
}

/** In the order of computing. */
export function blocksOf(source: TransformerSource): KnownBlock<"dual" | "single">[] {
  const { dualBlocks, singleBlocks } = source.config;
  const layouts = {
    dual: dualBlocks > 0 ? layoutOf(dualBlockGraph(source, anyShape).weights) : undefined,
    single: singleBlocks > 0 ? layoutOf(singleBlockGraph(source, anyShape).weights) : undefined,
  };
  return partsOf(source).flatMap(({ kind, ...part }) =>
    kind === "head" ? [] : [{ kind, ...part, layout: layouts[kind]! }]
  );
}

/** The layers that make each block's vectors, and the head's. */
export function modulationLayersOf(source: TransformerSource): KnownBlock[] {
  const parts = partsOf(source);
  const layouts = new Map(
    [...new Set(parts.map(({ kind }) => kind))].map((
      kind,
    ) => [kind, layoutOf(blockModulationGraph(source, kind).weights)]),
  );
  return parts.map((part) => ({ ...part, layout: layouts.get(part.kind)! }));
}

/** Which weights a block has does not depend on it. */
const anyShape: SectionShape = { window: [1, 2, 2], history: { "1x": 0, "2x": 0, "4x": 0 } };

function partsOf({ config }: TransformerSource): Omit<KnownBlock, "layout">[] {
  return modulationParts(config).map(({ block: path, ...rows }) => {
    const [, name, index = "0"] = /^(.*?)(?:\.(\d+))?$/.exec(path)!;
    const kind = name === "transformer_blocks" ? "dual" : name === "single_transformer_blocks" ? "single" : "head";
    return { kind, path, index: Number(index), rows };
  });
}
