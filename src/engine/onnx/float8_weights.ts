/**
 * Weights in 8 bits: the number that a file keeps beside one, to be multiplied in, and what makes such a file unusable.
 *
 * Two names are in use for the scale of `x.weight`: `x.scale_weight` (ComfyUI's scaled repacks) and `x.weight_scale`
 * (compressed-tensors, ModelOpt). Both are one float32.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { hasFloat8NaN } from "./float8.ts";
import type { Checkpoint } from "./safetensors.ts";
import { type Entry, fill, formatNames, openForReading } from "./safetensors_header.ts";

/** What was found beside the weights of one checkpoint. */
export interface WeightScales {
  readonly ofWeight: ReadonlyMap<string, number>;
  /** Tensors that are scales, or say that there are some: no weights. */
  readonly names: ReadonlySet<string>;
}

/** A tensor of no use but to say that every 8-bit weight of the file has a scale. */
const scaledMark = "scaled_fp8";

/**
 * Reads the scales of all 8-bit weights: a few bytes each.
 * @throws CheckpointError when one is no single positive float32, or some weights have one and another has none
 */
export async function readWeightScales(entries: ReadonlyMap<string, Entry>): Promise<WeightScales> {
  const weights = [...entries].filter(([, { formatDType }]) => formatDType === formatNames.float8e4m3fn)
    .filter(([name]) => name.endsWith(".weight"));
  const ofWeight = new Map<string, number>();
  const names = new Set(entries.has(scaledMark) && weights.length > 0 ? [scaledMark] : []);
  for (const [weight] of weights) {
    const scale = scaleNames(weight).find((name) => entries.has(name));
    if (scale === undefined) continue;
    ofWeight.set(weight, await readScale(scale, entries.get(scale)!));
    names.add(scale);
  }
  const [bare, entry] = weights.find(([name]) => !ofWeight.has(name)) ?? [];
  if (entry && names.size > 0) {
    throw new CheckpointError(
      `Cannot use "${bare}" of ${entry.file}: it is stored in 8 bits and has no "${scaleNames(bare!)[0]}", ` +
        `but the checkpoint has "${[...names][0]}"`,
    );
  }
  return { ofWeight, names };
}

/** Of the weight `x.weight`; a file has one of them, and ours the first. */
export function scaleNames(weight: string): readonly [string, string] {
  const module = weight.slice(0, -".weight".length);
  return [`${module}.scale_weight`, `${module}.weight_scale`];
}

async function readScale(name: string, { file, formatDType, shape, offsetBytes }: Entry): Promise<number> {
  const wrong = (why: string) => new CheckpointError(`Cannot use the scale "${name}" of ${file}: ${why}`);
  if (formatDType !== formatNames.float32 || !(`${shape}` === "" || `${shape}` === "1")) {
    throw wrong(`it is ${formatDType} [${shape.join(", ")}], expected one F32 number`);
  }
  using handle = await openForReading(file);
  await handle.seek(offsetBytes, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4);
  if (await fill(handle, bytes) < bytes.length) throw wrong("the file ends inside it");
  const scale = new DataView(bytes.buffer).getFloat32(0, true);
  if (!(scale > 0 && scale < Infinity)) throw wrong(`it is ${scale}, expected a number above 0`);
  return scale;
}

/**
 * Reads 8-bit weights of files through once: a NaN in one spoils every picture, and no later step names it.
 * @param names default: all
 * @throws CheckpointError naming the first weight that has one
 */
export async function requireFloat8Numbers(
  checkpoint: Pick<Checkpoint, "names" | "get">,
  names: readonly string[] = checkpoint.names(),
): Promise<void> {
  const buffer = new Uint8Array(readBytes);
  for (const name of names) {
    const { dtype, source } = checkpoint.get(name);
    if (dtype !== "float8e4m3fn" || !("file" in source)) continue;
    using handle = await openForReading(source.file);
    await handle.seek(source.offsetBytes, Deno.SeekMode.Start);
    for (let left = source.lengthBytes; left > 0; left -= buffer.length) {
      const piece = buffer.subarray(0, Math.min(left, buffer.length));
      const read = await fill(handle, piece);
      if (hasFloat8NaN(piece.subarray(0, read))) throw float8NaNError(name, source.file);
    }
  }
}
const readBytes = 2 ** 22;

export const float8NaNError = (name: string, file: string) =>
  new CheckpointError(`Cannot use "${name}" of ${file}: some of its 8-bit numbers are NaN`);
