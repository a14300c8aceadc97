/**
 * The LoRA files of this machine: `loras/` in a model folder for that model alone, and a folder that all models share.
 * What is found wrong with a file is found before anything is made with it.
 * @module
 */
import { join } from "node:path";
import { RequestError } from "../errors.ts";
import { openCheckpoint } from "../onnx/safetensors.ts";
import type { LoraChoice } from "../request.ts";
import { type LoraFile, loraName } from "./adapter_file.ts";
import { placeAdapters } from "./targets.ts";

/** A file that somebody may ask for. */
export interface AvailableLora {
  /** Of the file, without `.safetensors`. */
  readonly name: string;
  readonly file: string;
  /** Why it cannot be used with the model, as its header tells; null when it can. */
  readonly fault: string | null;
}

export class LoraLibrary {
  readonly #sharedDir: string;
  /** What was found of a file for a model, as long as the file is not written anew. */
  readonly #found = new Map<string, { readonly stamp: string; readonly fault: Promise<RequestError | null> }>();

  /** @param sharedDir need not exist */
  constructor(sharedDir: string) {
    this.#sharedDir = sharedDir;
  }

  /** By name; a model's own file goes before a shared one of the same name. */
  async list(modelDir: string): Promise<AvailableLora[]> {
    return await Promise.all([...await this.#files(modelDir)].map(async ([name, file]) => {
      const fault = await this.#examined("header", modelDir, file);
      return { name, file, fault: fault?.message ?? null };
    }));
  }

  /**
   * The files of these choices, each looked through to its last number.
   * @throws RequestError of the field `loras` naming the choice that is not there or cannot be used
   */
  async find(modelDir: string, choices: readonly LoraChoice[]): Promise<LoraFile[]> {
    if (choices.length === 0) return [];
    const files = await this.#files(modelDir);
    const found: LoraFile[] = [];
    for (const { name, strength } of choices) {
      const file = files.get(name);
      if (file === undefined) {
        const others = [...files.keys()].map((other) => `"${other}"`).join(", ");
        throw new RequestError("loras", `There is no LoRA "${name}" for this model, there is ${others || "none"}`);
      }
      await this.check(modelDir, file);
      found.push({ file, strength });
    }
    return found;
  }

  /** Looks a file through, header and numbers. @throws RequestError naming what is wrong with it */
  async check(modelDir: string, file: string): Promise<void> {
    const fault = await this.#examined("header", modelDir, file) ?? await this.#examined("numbers", modelDir, file);
    if (fault) throw fault;
  }

  /** Name → path. */
  async #files(modelDir: string): Promise<Map<string, string>> {
    const files: (readonly [string, string])[] = [];
    for (const folder of [this.#sharedDir, join(modelDir, "loras")]) {
      for (const name of await namesIn(folder)) files.push([loraName(name), join(folder, name)]);
    }
    return new Map(files.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)); // stable: the model's own come later
  }

  async #examined(part: keyof typeof examinations, modelDir: string, file: string): Promise<RequestError | null> {
    const key = JSON.stringify([part, modelDir, file]);
    const info = await Deno.stat(file).catch(() => undefined);
    const stamp = `${info?.size} ${info?.mtime?.getTime()}`;
    const known = this.#found.get(key);
    if (known?.stamp === stamp) return await known.fault;
    const fault = examinations[part](modelDir, file).then(() => null, (cause) => {
      if (cause instanceof RequestError) return cause;
      this.#found.delete(key); // the model is at fault, not the file
      throw cause;
    });
    this.#found.set(key, { stamp, fault });
    return await fault;
  }
}

const examinations = {
  header: async (modelDir: string, file: string) => void await placed(modelDir, file),
  async numbers(modelDir: string, file: string) {
    for (const adapter of await placed(modelDir, file)) await adapter.read();
  },
};

async function placed(modelDir: string, file: string) {
  return await placeAdapters(await openCheckpoint(join(modelDir, "transformer")), file);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ name, isDirectory }) => !isDirectory && name.endsWith(".safetensors"))
      .map(({ name }) => name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return [];
    throw cause;
  }
}
