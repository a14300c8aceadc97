/**
 * Where adapters belong: each module of a file → the weights of the transformer that it changes.
 * @module
 */
import type { Checkpoint } from "../onnx/safetensors.ts";
import { elementCount } from "../onnx/tensor.ts";
import { type Adapter, loraError, openAdapters } from "./adapter_file.ts";
import { deltaShape, type MatrixShape } from "./delta.ts";
import { hunyuanModules, swappedHalves } from "./hunyuan_names.ts";

/** An adapter and the modules that its rows belong to, in their order: one, or several where the original has one. */
export interface PlacedAdapter extends Adapter {
  readonly file: string;
  readonly targets: readonly Target[];
}

/** A module of the transformer, and the rows of the adapter's matrix that are added to its weight and bias. */
export interface Target {
  /** Its weight is `${module}.weight`. */
  readonly module: string;
  readonly shape: readonly number[];
  readonly firstRow: number;
  readonly rows: number;
  /** The file has the halves of these rows the other way round. */
  readonly isSwapped: boolean;
}

/**
 * The adapters of a file, each with its place. Only headers are read.
 * @throws RequestError naming the file and the first module that the transformer has not, or has in another size
 */
export async function placeAdapters(base: Checkpoint, file: string): Promise<PlacedAdapter[]> {
  const modules = moduleTable(base);
  const adapters = await openAdapters(file);
  const strangers = adapters.filter(({ module }) => !modules.has(module));
  if (strangers.length > 0) {
    const count = strangers.length === adapters.length ? "none" : `${adapters.length - strangers.length}`;
    const why = `it was made for another model, whose "${strangers[0]!.module}" this one has not ` +
      `(${count} of its ${adapters.length} modules ${count === "1" ? "is" : "are"} here)`;
    throw loraError(file, why);
  }
  return adapters.map((adapter) => placed(base, file, adapter, modules.get(adapter.module)!));
}

interface NamedModule {
  readonly parts: readonly string[];
  readonly isOriginal: boolean;
}

/** How a file may call a module → the modules it means. The underscored forms are built forward; they cannot be undone. */
function moduleTable(base: Checkpoint): ReadonlyMap<string, NamedModule> {
  const own = base.names()
    .filter((name) => name.endsWith(".weight") && base.get(name).shape.length >= 2)
    .map((name) => name.slice(0, -".weight".length));
  const blocks = (prefix: string) =>
    new Set(own.flatMap((name) => name.startsWith(prefix) ? [name.slice(prefix.length).split(".")[0]] : [])).size;
  const originals = hunyuanModules({
    dual: blocks("transformer_blocks."),
    single: blocks("single_transformer_blocks."),
    refiner: blocks("context_embedder.token_refiner.refiner_blocks."),
  });
  const named: (readonly [string, NamedModule])[] = [
    ...Array.from(originals, ([name, parts]) => [name, { parts, isOriginal: true }] as const),
    ...own.map((name) => [name, { parts: [name], isOriginal: false }] as const),
  ];
  return new Map(named.flatMap(([name, module]) => [[name, module], [name.replaceAll(".", "_"), module]]));
}

function placed(base: Checkpoint, file: string, adapter: Adapter, { parts, isOriginal }: NamedModule): PlacedAdapter {
  const { module } = adapter;
  const delta = shapeOfDelta(file, adapter);
  const targets: Target[] = [];
  let firstRow = 0;
  for (const part of parts) {
    const { shape } = base.get(`${part}.weight`);
    const rows = shape[0]!;
    if (delta.columns !== elementCount(shape) / rows) throw wrongSize(file, module, delta, part, shape);
    targets.push({ module: part, shape, firstRow, rows, isSwapped: isOriginal && part === swappedHalves });
    firstRow += rows;
  }
  const last = targets.at(-1)!;
  if (delta.rows !== firstRow) throw wrongSize(file, module, delta, last.module, [firstRow, ...last.shape.slice(1)]);
  const bias = adapter.parts.get("lora_bias");
  const hasBiases = parts.every((part) => base.has(`${part}.bias`));
  if (bias && (bias.rows !== firstRow || !hasBiases)) {
    throw loraError(file, `"${module}" adds ${bias.rows} numbers to a bias of ${hasBiases ? firstRow : 0}`);
  }
  return { ...adapter, file, targets };
}

function shapeOfDelta(file: string, { module, parts }: Adapter): MatrixShape {
  try {
    const shape = deltaShape(parts);
    if (shape) return shape;
  } catch (cause) {
    throw loraError(file, `in "${module}" ${(cause as Error).message}`, cause);
  }
  throw loraError(file, `"${module}" is not complete, it has only ${[...parts.keys()].join(", ")}`);
}

function wrongSize(file: string, module: string, delta: MatrixShape, part: string, shape: readonly number[]) {
  return loraError(
    file,
    `it was made for another size of model, "${module}" adds [${delta.rows}, ${delta.columns}] to "${part}" of ` +
      `[${shape.join(", ")}]`,
  );
}
