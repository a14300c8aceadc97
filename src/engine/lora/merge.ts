/**
 * LoRA files merged into a transformer's weights: W + strength · ΔW. Files of kohya, PEFT/diffusers and LyCORIS with
 * FramePack's own names or HunyuanVideo's original ones. musubi-tuner `convert_lora_for_framepack`,
 * `load_safetensors_with_lora`.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type Checkpoint, openCheckpoint, withWeights } from "../onnx/safetensors.ts";
import { type AdapterTensors, type Matrix, weightDelta } from "./delta.ts";
import { hunyuanModules, swappedHalves } from "./hunyuan_names.ts";

export interface LoraFile {
  readonly file: string;
  /** 1 is as trained; may be negative. */
  readonly strength: number;
}

/**
 * The checkpoint with every file applied, one after the other.
 * @throws CheckpointError naming the file and the tensor that is of no known kind or fits no module
 */
export async function mergeLoras(base: Checkpoint, loras: readonly LoraFile[]): Promise<Checkpoint> {
  const targets = moduleTable(base);
  const merged = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  for (const { file, strength } of loras) {
    for (const [module, tensors] of await readAdapters(file)) {
      const parts = targets.get(module);
      if (!parts) throw new CheckpointError(`Cannot apply ${file}: the transformer has no module "${module}"`);
      const delta = deltaOf(file, module, tensors);
      let firstRow = 0;
      for (const part of parts) {
        const name = `${part}.weight`;
        const { shape } = base.get(name);
        const rows = rowsOf(delta, firstRow, shape[0]!, part === swappedHalves && parts !== targets.get(part));
        if (delta.columns * shape[0]! !== shape.reduce((size, dim) => size * dim, 1) || rows.length === 0) {
          throw new CheckpointError(
            `Cannot apply ${file}: "${module}" adds [${delta.rows}, ${delta.columns}] to [${shape.join(", ")}]`,
          );
        }
        const old = merged.get(name)?.data ?? await base.readFloat32(name);
        merged.set(name, { shape, data: old.map((value, index) => value + strength * rows[index]!) });
        firstRow += shape[0]!;
      }
    }
  }
  return withWeights(base, merged);
}

/** How a file may call a module → the modules it means. The underscored forms are built forward; they cannot be undone. */
function moduleTable(base: Checkpoint): ReadonlyMap<string, readonly string[]> {
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
  const named = [...originals, ...own.map((name) => [name, [name]] as const)];
  return new Map(named.flatMap(([name, parts]) => [[name, parts], [name.replaceAll(".", "_"), parts]]));
}

const prefixes = /^(?:lora_unet_|transformer\.|diffusion_model\.)/;
const ends: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/\.(?:lora_down|lora_A)(?:\.default)?\.weight$/, () => "lora_down"],
  [/\.(?:lora_up|lora_B)(?:\.default)?\.weight$/, () => "lora_up"],
  [/\.(hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)$/, (match) => match[1]!],
  [/\.alpha$/, () => "alpha"],
];

/** Tensors of a file by module. DoRA magnitudes are left out, as diffusers does for this family of models. */
async function readAdapters(file: string): Promise<Map<string, Map<string, Matrix>>> {
  const checkpoint = await openCheckpoint(file);
  const modules = new Map<string, Map<string, Matrix>>();
  for (const name of checkpoint.names()) {
    if (/\.(?:dora_scale|lora_magnitude_vector(?:\.weight)?)$/.test(name)) continue;
    const found = ends.map(([end, kind]) => ({ match: end.exec(name), kind })).find(({ match }) => match);
    if (!found?.match) throw new CheckpointError(`Cannot apply ${file}: "${name}" is no LoRA, LoHa or LoKr tensor`);
    const module = name.slice(0, found.match.index).replace(prefixes, "");
    const tensors = modules.get(module) ?? new Map<string, Matrix>();
    tensors.set(found.kind(found.match), await readMatrix(checkpoint, name));
    modules.set(module, tensors);
  }
  return modules;
}

async function readMatrix(checkpoint: Checkpoint, name: string): Promise<Matrix> {
  const { shape } = checkpoint.get(name);
  const rows = shape[0] ?? 1;
  const data = await checkpoint.readFloat32(name);
  return { rows, columns: data.length / rows, data };
}

function deltaOf(file: string, module: string, tensors: AdapterTensors): Matrix {
  try {
    const delta = weightDelta(tensors);
    if (delta) return delta;
  } catch (cause) {
    throw new CheckpointError(`Cannot apply ${file}: "${module}": ${(cause as Error).message}`, { cause });
  }
  throw new CheckpointError(`Cannot apply ${file}: "${module}" has only ${[...tensors.keys()].join(", ")}`);
}

/** `count` rows from `first` on; where the original has its halves the other way round, exchanged. */
function rowsOf(delta: Matrix, first: number, count: number, isSwapped: boolean): Float32Array {
  const rows = delta.data.subarray(first * delta.columns, (first + count) * delta.columns);
  if (rows.length < count * delta.columns) return new Float32Array();
  if (!isSwapped) return rows;
  const half = rows.length / 2;
  return Float32Array.of(...rows.subarray(half), ...rows.subarray(0, half));
}
