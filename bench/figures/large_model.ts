/**
 * How long a folder with a transformer of the published size takes from the order to ready graphs, and how much memory. The
 * files are holes: nothing is computed with them, and only what is read of them counts.
 * @module
 */
import { createProcessEngine } from "../../src/engine/process_engine.ts";
import { embeddedModelDir, idleThreads, threads } from "../embedded_model.ts";
import { type Figure, type Measurement, timed } from "../figure.ts";
import { memoryOf, pidRunning } from "../processes.ts";
import { writeSparseTransformer } from "../sparse_model.ts";

export const largeModel: Figure = { name: "large-model", what: "a 25 GB transformer, from files to graphs", measure };

const shards = 3;
const otherParts = [
  "vae",
  "text_encoder",
  "tokenizer",
  "text_encoder_2",
  "tokenizer_2",
  "image_encoder",
  "feature_extractor",
] as const;
const signal = new AbortController().signal;

async function* measure(): AsyncGenerator<Measurement> {
  const folder = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  try {
    const filesBytes = await writeSparseTransformer(`${folder}/transformer`, shards);
    // The other parts are the embedded model's: the published ones are not what is measured.
    for (const part of otherParts) await copyFolder(`${embeddedModelDir}/${part}`, `${folder}/${part}`);
    await using engine = createProcessEngine({ device: { kind: "cpu" }, threads, idleThreads });
    const ready = (modelDir: string) => Array.fromAsync(engine.warm(modelDir, signal));
    const embeddedSeconds = await timed(() => ready(embeddedModelDir));
    const before = await memoryOf(await pidRunning("host.ts"));
    const seconds = await timed(() => ready(folder));
    const after = await memoryOf(await pidRunning("host.ts"));
    const detail = { gigabytes: filesBytes / 1e9, shards, embeddedSeconds, before, after, detailUnit: "MiB" };
    yield {
      figure: `${(filesBytes / 1e9).toFixed(1)} GB transformer: files to ready graphs`,
      value: seconds,
      unit: "s",
      aim: { atMost: 2 },
      detail,
    };
    yield {
      figure: `${(filesBytes / 1e9).toFixed(1)} GB transformer: memory above the embedded model's`,
      value: after.resident - before.resident,
      unit: "MiB",
      aim: { atMost: 300 },
      detail,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}
