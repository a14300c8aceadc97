/**
 * Reads the recorded outputs of the published code: `cases/<component>/<case>.json`, with tensors in
 * `<case>.safetensors` beside it, and the models they ran on in `models/<name>/`.
 * @module
 */
import { basename } from "node:path";
import { elementCount } from "../onnx/tensor.ts";

/** Numbers with a shape, row-major. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** How near an output has to be. Zero and zero means equality. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  readonly "rel_l2"?: number;
  readonly "max_fraction_different"?: number;
}

/** One recorded call of the published code. */
export interface GoldenCase {
  readonly component: string;
  readonly name: string;
  /** Folder of the model in Hugging Face layout; null when the case needs none. */
  readonly modelDir: string | null;
  readonly params: Readonly<Record<string, unknown>>;
  /** Tensors without their prefix `in.`. */
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  /** Tensors without their prefix `out.`, each with a tolerance. */
  readonly outputs: Readonly<Record<string, { readonly tensor: GoldenTensor; readonly tolerance: Tolerance }>>;
  /** Results that are no tensors. */
  readonly expect: Readonly<Record<string, unknown>>;
}

/** The cases' JSON files in a golden folder, by component and name. */
export async function* goldenCaseFiles(dir: string, components?: readonly string[]): AsyncGenerator<string> {
  for (const component of await sortedNames(`${dir}/cases`)) {
    if (components?.includes(component) === false) continue;
    for (const file of await sortedNames(`${dir}/cases/${component}`)) {
      if (file.endsWith(".json")) yield `${dir}/cases/${component}/${file}`;
    }
  }
}

/** One case from its JSON file and the tensors beside it. */
export async function readGoldenCase(path: string, modelsDir: string): Promise<GoldenCase> {
  const record = JSON.parse(await Deno.readTextFile(path));
  const tensors = await readTensors(path.replace(/\.json$/, ".safetensors"));
  const inputs: Record<string, GoldenTensor> = {};
  const outputs: Record<string, { tensor: GoldenTensor; tolerance: Tolerance }> = {};
  for (const [key, tensor] of tensors) {
    if (key.startsWith("in.")) inputs[key.slice("in.".length)] = tensor;
    if (!key.startsWith("out.")) continue;
    const tolerance: Tolerance | undefined = record.tolerance[key];
    if (tolerance === undefined) throw new TypeError(`Cannot read golden case ${path}: "${key}" has no tolerance`);
    outputs[key.slice("out.".length)] = { tensor, tolerance };
  }
  const name = basename(path, ".json");
  const { component, model, params, expect = {} } = record;
  return {
    component,
    name,
    modelDir: model === null ? null : `${modelsDir}/${model}`,
    params,
    inputs,
    outputs,
    expect,
  };
}

async function sortedNames(dir: string): Promise<string[]> {
  const names = [];
  for await (const entry of Deno.readDir(dir)) names.push(entry.name);
  return names.sort();
}

const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };

/** The few dtypes of golden files, read whole; a case without tensors has no file. */
async function readTensors(path: string): Promise<Map<string, GoldenTensor>> {
  const tensors = new Map<string, GoldenTensor>();
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return tensors;
    throw error;
  }
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries<Entry>(header)) {
    if (name === "__metadata__") continue;
    const data = new arrays[dtype](bytes.buffer.slice(8 + headerBytes + start, 8 + headerBytes + end));
    if (data.length !== elementCount(shape)) throw new TypeError(`Cannot read "${name}" of ${path}: wrong length`);
    tensors.set(name, { shape, data });
  }
  return tensors;
}

interface Entry {
  readonly dtype: keyof typeof arrays;
  readonly shape: readonly number[];
  readonly "data_offsets": readonly [number, number];
}
