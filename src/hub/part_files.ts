/**
 * Which files of a folder belong to a part of a model, by their names alone. Pure.
 * @module
 */
import { modelParts, type PartName } from "../engine/mod.ts";

/** A file where it lies, and the name it gets in the model folder. */
export interface ChosenFile {
  readonly source: string;
  readonly target: string;
}

/** Files, or what is wrong with the folder, to be read after its name. */
export type Choice = { readonly files: readonly ChosenFile[] } | { readonly problem: string };

/** Configuration and vocabulary: everything but weights. */
export function chooseDescriptions(part: PartName, names: readonly string[]): Choice {
  const { files, oneOf = [[]] } = modelParts[part];
  const group = oneOf.find((group) => group.every((name) => names.includes(name)));
  const needed = [...files, ...group ?? oneOf[0]!];
  const missing = needed.find((name) => !names.includes(name));
  return missing ? { problem: `has no "${missing}"` } : { files: needed.map(asItIs) };
}

/**
 * An index with all its shards before one whole file; a lone file of another name, such as a repack
 * `FramePackI2V_HY_bf16.safetensors`, gets the name that loaders look for.
 */
export function chooseWeights(part: PartName, names: readonly string[]): Choice {
  const stem = modelParts[part].weights;
  if (!stem) return { files: [] };
  const index = `${stem}.safetensors.index.json`;
  if (names.includes(index)) return chooseShards(stem, index, names);
  const whole = `${stem}.safetensors`;
  if (names.includes(whole)) return { files: [asItIs(whole)] };
  const found = names.filter((name) => name.endsWith(".safetensors")).toSorted();
  if (found.length === 1) return { files: [{ source: found[0]!, target: whole }] };
  return found.length === 0
    ? { problem: `has no "${whole}" and no "${index}"` }
    : { problem: `has several files of weights and no index, name one of them: ${found.join(", ")}` };
}

/** The one file that somebody named. */
export function renamedWeights(part: PartName, file: string): Choice {
  const stem = modelParts[part].weights;
  return stem
    ? { files: [{ source: file, target: `${stem}.safetensors` }] }
    : { problem: `is a file, and the ${part} has no weights: name its folder` };
}

/** `NAME-00001-of-00003.safetensors` and so on, as every writer of the Hugging Face libraries numbers them. */
function chooseShards(stem: string, index: string, names: readonly string[]): Choice {
  const pattern = new RegExp(`^${stem}-\\d{5}-of-(\\d{5})\\.safetensors$`);
  const counts = new Set(names.map((name) => pattern.exec(name)?.[1]).filter((count) => count !== undefined));
  if (counts.size !== 1) {
    return { problem: `has "${index}" and ${counts.size === 0 ? "none of its shards" : "shards of several splits"}` };
  }
  const [count] = [...counts] as [string];
  const shards = Array.from({ length: Number(count) }, (_, n) => {
    return `${stem}-${String(n + 1).padStart(5, "0")}-of-${count}.safetensors`;
  });
  const missing = shards.find((name) => !names.includes(name));
  return missing ? { problem: `has no "${missing}"` } : { files: [index, ...shards].map(asItIs) };
}

const asItIs = (name: string): ChosenFile => ({ source: name, target: name });
