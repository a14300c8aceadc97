/**
 * How long an engine process takes from its start to ready graphs with a transformer of the published size, and how much memory. The
 * files are holes: nothing is computed with them, and only what is read of them counts.
 * @module
 */
import { partNames } from "../../src/engine/mod.ts";
import { embeddedModelDir, idleThreads, threads } from "../embedded_model.ts";
import type { Figure, Measurement } from "../figure.ts";
import { memoryOf } from "../processes.ts";
import { readyEngine } from "../ready_engine.ts";
import { writeSparseTransformer } from "../sparse_model.ts";

export const largeModel: Figure = {
  name: "large-model",
  what: "a 25 GB transformer, from process start to graphs",
  measure,
};

const shards = 3;
const otherParts = partNames.filter((part) => part !== "transformer");

async function* measure(): AsyncGenerator<Measurement> {
  const folder = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  try {
    const filesBytes = await writeSparseTransformer(`${folder}/transformer`, shards);
    // The other parts are the embedded model's: the published ones are not what is measured.
    for (const part of otherParts) await copyFolder(`${embeddedModelDir}/${part}`, `${folder}/${part}`);
    const embedded = await readyModel(embeddedModelDir);
    const large = await readyModel(folder);
    const detail = { gigabytes: filesBytes / 1e9, shards, embedded, large, memoryUnit: "MiB" };
    yield {
      figure: `${(filesBytes / 1e9).toFixed(1)} GB transformer: engine process to ready graphs`,
      value: large.seconds,
      unit: "s",
      aim: { atMost: 2 },
      detail,
    };
    yield {
      figure: `${(filesBytes / 1e9).toFixed(1)} GB transformer: memory above the embedded model's`,
      value: large.memory.resident - embedded.memory.resident,
      unit: "MiB",
      aim: { atMost: 300 },
      detail,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** In an engine process of its own, from its start on. */
async function readyModel(modelDir: string) {
  await using started = await readyEngine(modelDir, { device: { kind: "cpu" }, threads, idleThreads });
  return { seconds: started.seconds, memory: await memoryOf(started.pid) };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}
