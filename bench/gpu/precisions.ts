/**
 * Ways of keeping a transformer's weights, and the folder of each.
 * @module
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DeviceError } from "../../src/engine/mod.ts";
import { openCheckpoint } from "../../src/engine/onnx/safetensors.ts";
import { type PackedBits, planPacking, writePacked } from "../../src/engine/pack_transformer.ts";
import { freeBytes, gigabytes } from "../../src/hub/disk.ts";
import { type Measurement, MissingError } from "../figure.ts";
import { going } from "./bench.ts";

/**
 * By name: gives the transformer's folder below that of the benchmark's model, made unless it is there. The first is what
 * the others are compared with.
 */
export const precisions: Readonly<Record<string, (modelDir: string) => Promise<string>>> = {
  "16-bit weights": (modelDir) => Promise.resolve(join(modelDir, "transformer")),
  "8-bit weights": (modelDir) => packed(modelDir, 8),
  "4-bit weights": (modelDir) => packed(modelDir, 4),
};

const packedFolder = (modelDir: string, bits: PackedBits) => join(modelDir, `transformer-${bits}-bit`);

/** Their folders are made anew when they are measured again. */
export async function removePacked(modelDir: string): Promise<void> {
  for (const bits of [8, 4] as const) await rm(packedFolder(modelDir, bits), { recursive: true, force: true });
}

/** As `deno task pack` writes it. @throws MissingError when the disk has no room */
async function packed(modelDir: string, bits: PackedBits): Promise<string> {
  const [source, folder] = [join(modelDir, "transformer"), packedFolder(modelDir, bits)];
  const config = join(folder, "config.json"); // written last
  if (await Deno.stat(config).then(() => true, () => false)) return folder;
  await Deno.mkdir(folder, { recursive: true });
  const plan = planPacking(await openCheckpoint(source), bits);
  const free = await freeBytes(folder);
  if (plan.sizeBytes > free) {
    throw new MissingError(
      `packing takes ${gigabytes(plan.sizeBytes)}, and the disk of "${modelDir}" has ${gigabytes(free)} left`,
    );
  }
  await Array.fromAsync(writePacked(plan, join(folder, "diffusion_pytorch_model.safetensors"), going));
  await Deno.copyFile(join(source, "config.json"), config);
  return folder;
}

/**
 * Measures all of them, one after the other.
 * @throws MissingError at the end, naming those that the disk or the card has no room for
 */
export async function* inEachPrecision(
  modelDir: string,
  measure: (name: string, folder: string) => AsyncIterable<Measurement>,
): AsyncGenerator<Measurement> {
  const missing: string[] = [];
  for (const [name, folderOf] of Object.entries(precisions)) {
    try {
      yield* measure(name, await folderOf(modelDir));
    } catch (error) {
      if (!isShortage(error)) throw error;
      missing.push(`${name}: ${error.message}`);
    }
  }
  if (missing.length > 0) throw new MissingError(missing.join("; "));
}

const isShortage = (error: unknown): error is Error =>
  error instanceof MissingError || (error instanceof DeviceError && error.fault === "out of memory");
