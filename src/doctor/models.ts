/**
 * The model folders: which there are, and whether they are whole.
 * @module
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type ModelSizes, readModelSizes } from "../engine/memory/mod.ts";
import { CheckpointError, type Manifest, readManifest } from "../engine/mod.ts";
import { bytesInWords, type Finding, missing, ok, required } from "./finding.ts";

export interface FoundModel {
  readonly id: string;
  readonly manifest: Manifest;
  readonly sizes: ModelSizes;
}

export interface ModelsReport {
  readonly findings: readonly Finding[];
  /** Those that are whole. */
  readonly models: readonly FoundModel[];
}

/** Every part and every header of every folder is read; no numbers are. */
export async function inspectModels(modelsDir: string, defaultModel: string): Promise<ModelsReport> {
  const entries = await readdir(modelsDir, { withFileTypes: true }).catch(() => []);
  const ids = entries.filter((entry) => !entry.name.startsWith(".") && !entry.isFile()).map(({ name }) => name).sort();
  const findings: Finding[] = [];
  const models: FoundModel[] = [];
  for (const id of ids) {
    const { finding, model } = await inspectModel(modelsDir, id);
    const isDefault = id === defaultModel;
    findings.push(isDefault ? required({ ...finding, subject: `${finding.subject} (default)` }) : finding);
    if (model) models.push(model);
  }
  if (!ids.includes(defaultModel)) {
    findings.push(required(missing(
      `model ${defaultModel} (default)`,
      `there is no folder "${join(modelsDir, defaultModel)}"`,
      "put it there, or let FRAMECAST_MODEL name another folder of FRAMECAST_MODELS_DIR",
    )));
  }
  return { findings, models };
}

async function inspectModel(modelsDir: string, id: string): Promise<{ finding: Finding; model?: FoundModel }> {
  const [subject, folder] = [`model ${id}`, join(modelsDir, id)];
  try {
    const manifest = await readManifest(folder);
    const sizes = await readModelSizes(folder);
    return {
      finding: ok(subject, `whole, ${bytesInWords(await weightBytes(folder))} of weights`),
      model: { id, manifest, sizes },
    };
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    return { finding: missing(subject, cause.message) };
  }
}

async function weightBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const part of ["transformer", "vae", "text_encoder", "text_encoder_2", "image_encoder"]) {
    for (const name of await readdir(join(folder, part))) {
      if (name.endsWith(".safetensors")) bytes += (await Deno.stat(join(folder, part, name))).size;
    }
  }
  return bytes;
}
