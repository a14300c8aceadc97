/**
 * Files of adapters as people share them: kohya, PEFT and diffusers, LyCORIS. Which tensor belongs to which module is told
 * by names alone, so a file is understood from its header.
 * @module
 */
import { basename } from "node:path";
import { RequestError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../onnx/safetensors.ts";
import { elementCount } from "../onnx/tensor.ts";
import type { AdapterTensors, Matrix, MatrixShape } from "./delta.ts";

/** One adapter to apply. */
export interface LoraFile {
  /** Path of a `.safetensors` file. */
  readonly file: string;
  /** 1 is as trained, 0 nothing; may be negative. */
  readonly strength: number;
}

/** What a file says of one module. */
export interface Adapter {
  /** As the file calls it, without the format's prefix. */
  readonly module: string;
  /** Shapes by part, `lora_down`, `hada_w1_a`, …; a convolution's kernel counts as columns. */
  readonly parts: ReadonlyMap<string, MatrixShape>;
  /**
   * The same with their numbers.
   * @throws RequestError naming the file and a tensor that cannot be read or holds NaN or infinity
   */
  read(): Promise<AdapterTensors>;
}

/** The name of an adapter: that of its file. */
export const loraName = (file: string): string => basename(file).replace(/\.safetensors$/, "");

/** What the adapter `file` cannot be used for, as an error of the field `loras`. */
export function loraError(file: string, why: string, cause?: unknown): RequestError {
  return new RequestError("loras", `Cannot apply the LoRA "${loraName(file)}": ${why}`, { cause });
}

/**
 * Adapters of a file, one per module. DoRA magnitudes are left out, as diffusers does for this family of models.
 * @throws RequestError naming the file and the first tensor that is of no known kind
 */
export async function openAdapters(file: string): Promise<Adapter[]> {
  const checkpoint = await openCheckpoint(file).catch((cause) => {
    throw loraError(file, (cause as Error).message, cause);
  });
  const alphaOf = trainedAlphas(file, checkpoint.metadata);
  const modules = new Map<string, Map<string, string>>();
  for (const name of checkpoint.names()) {
    if (magnitudes.test(name)) continue;
    const found = ends.map(([end, kind]) => ({ match: end.exec(name), kind })).find(({ match }) => match);
    if (!found?.match) throw loraError(file, `"${name}" is no tensor of a LoRA, LoHa or LoKr`);
    const module = name.slice(0, found.match.index).replace(prefixes, "");
    const tensors = modules.get(module) ?? new Map<string, string>();
    modules.set(module, tensors.set(found.kind(found.match), name));
  }
  if (modules.size === 0) throw loraError(file, "it has no tensors");
  return [...modules].map(([module, names]) => adapterOf(file, checkpoint, module, names, alphaOf));
}

const prefixes = /^(?:base_model\.model\.)?(?:lora_unet_|transformer\.|diffusion_model\.)?/;
const magnitudes = /\.(?:dora_scale|lora_magnitude_vector(?:\.default)?(?:\.weight)?)$/;
const ends: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/\.(?:lora_down|lora_A)(?:\.default)?\.weight$/, () => "lora_down"],
  [/\.(?:lora_up|lora_B)(?:\.default)?\.weight$/, () => "lora_up"],
  [/\.(?:lora_up|lora_B)(?:\.default)?\.bias$/, () => "lora_bias"],
  [/\.(hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)$/, (match) => match[1]!],
  [/\.alpha$/, () => "alpha"],
];

function adapterOf(
  file: string,
  checkpoint: Checkpoint,
  module: string,
  names: ReadonlyMap<string, string>,
  alphaOf: AlphaOf,
): Adapter {
  const parts = new Map([...names].map(([part, name]) => [part, matrixShape(shapeOf(file, checkpoint, name))]));
  return {
    module,
    parts,
    async read() {
      const tensors = new Map<string, Matrix>();
      for (const [part, name] of names) {
        tensors.set(part, { ...parts.get(part)!, data: await readFinite(file, checkpoint, name) });
      }
      const down = tensors.get("lora_down");
      const alpha = down && !tensors.has("alpha") ? alphaOf(module, down.rows) : undefined;
      if (alpha !== undefined) tensors.set("alpha", { rows: 1, columns: 1, data: Float32Array.of(alpha) });
      return tensors;
    },
  };
}

function shapeOf(file: string, checkpoint: Checkpoint, name: string): readonly number[] {
  try {
    return checkpoint.get(name).shape;
  } catch (cause) {
    throw loraError(file, (cause as Error).message, cause);
  }
}

function matrixShape(shape: readonly number[]): MatrixShape {
  const rows = shape[0] ?? 1;
  return { rows, columns: rows === 0 ? 0 : elementCount(shape) / rows };
}

async function readFinite(file: string, checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const numbers = await checkpoint.readFloat32(name).catch((cause) => {
    throw loraError(file, (cause as Error).message, cause);
  });
  const place = numbers.findIndex((number) => !Number.isFinite(number));
  if (place >= 0) throw loraError(file, `"${name}" holds ${numbers[place]} at place ${place}`);
  return numbers;
}

/** Alpha of a module by what its trainer wrote down; undefined where nothing is said. */
type AlphaOf = (module: string, rank: number) => number | undefined;

/**
 * What diffusers keeps of PEFT's `LoraConfig`, as JSON under `lora_adapter_metadata` with `transformer.` before each key:
 * `lora_alpha`, `alpha_pattern` (a module's own alpha, by the end of its name) and `use_rslora`, whose scale is
 * alpha/√rank. diffusers `save_lora_adapter`, PEFT `LoraConfig`.
 */
function trainedAlphas(file: string, metadata: Readonly<Record<string, string>>): AlphaOf {
  const text = metadata["lora_adapter_metadata"];
  if (text === undefined) return () => undefined;
  const config = parseConfig(file, text);
  const said = <T>(key: string): T | undefined => (config[`transformer.${key}`] ?? config[key]) as T | undefined;
  const patterns = Object.entries(said<Record<string, number>>("alpha_pattern") ?? {});
  const general = said<number>("lora_alpha");
  return (module, rank) => {
    const own = patterns.find(([name]) => module === name || module.endsWith(`.${name}`))?.[1];
    const alpha = own ?? general;
    return alpha === undefined || said("use_rslora") !== true ? alpha : alpha * Math.sqrt(rank);
  };
}

function parseConfig(file: string, text: string): Record<string, unknown> {
  try {
    const config = JSON.parse(text);
    if (typeof config === "object" && config !== null) return config;
  } catch { /* the sentence below says it */ }
  throw loraError(file, `its "lora_adapter_metadata" is no JSON object: ${text.slice(0, 40)}`);
}
