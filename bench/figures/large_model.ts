/**
 * How long a folder with a transformer of the published size takes from the order to ready graphs, and how much memory. The
 * files are holes: nothing is computed with them, and only what is read of them counts.
 * @module
 */
import { createProcessEngine } from "../../src/engine/process_engine.ts";
import { embeddedModelDir, idleThreads, threads } from "../embedded_model.ts";
import { type Figure, type Measurement, timed } from "../figure.ts";
import { descendants, rssBytes } from "../processes.ts";
import { writeSparseTransformer } from "../sparse_model.ts";

export const largeModel: Figure = { name: "large-model", what: "a 25 GB transformer, from files to graphs", measure };

const shards = 3;
const signal = new AbortController().signal;
const mebibyte = 2 ** 20;

async function* measure(): AsyncGenerator<Measurement> {
  const folder = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  try {
    const filesBytes = await writeSparseTransformer(`${folder}/transformer`, shards);
    // The other parts are the embedded model's; its size and default steps, too.
    for (const part of ["vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "image_encoder"]) {
      await Deno.symlink(`${embeddedModelDir}/${part}`, `${folder}/${part}`);
    }
    await Deno.symlink(`${embeddedModelDir}/feature_extractor`, `${folder}/feature_extractor`);
    await using engine = createProcessEngine({ device: { kind: "cpu" }, threads, idleThreads });
    const ready = (modelDir: string) => Array.fromAsync(engine.warm(modelDir, signal));
    const embeddedSeconds = await timed(() => ready(embeddedModelDir));
    const before = await engineMemory();
    const seconds = await timed(() => ready(folder));
    const after = await engineMemory();
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
      value: after.all - before.all,
      unit: "MiB",
      aim: { atMost: 300 },
      detail,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Of the engine process. */
async function engineMemory() {
  const { pid } = (await descendants(Deno.pid)).find(({ command }) => command.some((arg) => arg.endsWith("host.ts")))!;
  return { all: await rssBytes(pid) / mebibyte, anonymous: await rssBytes(pid, "anonymous") / mebibyte };
}
