import assert from "node:assert/strict";
import { join } from "node:path";
import { countedMemory } from "../../../tests/counted_memory.ts";
import { tinyGraphs } from "../../../tests/tiny_graphs.ts";
import { tinyInput } from "../../../tests/tiny_network.ts";
import { type Checkpoint, openCheckpoint } from "../onnx/safetensors.ts";
import { distanceBetween } from "../parity/distance.ts";
import { caseExecutables, caseRuntime } from "../parity/transformer_cases.ts";
import { loadVae } from "../vae.ts";
import { SharedWeights } from "./shared_weights.ts";
import type { WeightLayout } from "./weight_layout.ts";

const { dir, executables } = await tinyGraphs("tiny-a");
const folder = join(dir, "vae");
const going = new AbortController().signal;
const device = { kind: "cpu" } as const;
const size = { height: 3, width: 2 };
const latents = tinyInput("latents", [16, 10, 3, 2]).data;
const picture = {
  widthPx: 16,
  heightPx: 24,
  pixels: Uint8Array.from({ length: 16 * 24 * 3 }, (_, i) => (7 * i) % 256),
};

const shared = (stay: "always" | "while used", counted = countedMemory(caseRuntime())) => ({
  counted,
  weights: (checkpoint: Checkpoint) => new SharedWeights({ checkpoint, runtime: counted.runtime, device, stay }),
});

Deno.test("an autoencoder whose graphs share their weights gives what one gives whose graphs have their own", async () => {
  using own = caseExecutables();
  const [plain, sharing] = [await loadVae(folder, own), await loadVae(folder, executables, shared("always"))];
  await sharing.warm(size);
  const [expected, got] = [await plain.decode(latents, size, going), await sharing.decode(latents, size, going)];
  assert.deepEqual({ ...got, data: null }, { ...expected, data: null });
  assert.ok(distanceBetween(got.data, expected.data).rel_l2 < 1e-5);
  const [one, other] = [await plain.encodeImage(picture, going), await sharing.encodeImage(picture, going)];
  assert.ok(distanceBetween(other, one).rel_l2 < 1e-5);
  await sharing[Symbol.asyncDispose]();
});

Deno.test("weights are there once, both networks' from the first picture on, however many tiles there are", async () => {
  const { counted, weights } = shared("always");
  const vae = await loadVae(folder, executables, { weights });
  await vae.encodeImage(picture, going);
  const held = counted.held();
  assert.equal(held.length, 2);
  const stored = await numbersIn(await openCheckpoint(folder));
  const [bytes] = [held.reduce((sum, piece) => sum + piece, 0)];
  assert.ok(bytes >= 4 * stored && bytes < 4 * stored + 2 * 256 * 200, `${bytes} bytes for ${stored} numbers`);
  await vae.decode(latents, size, going);
  await vae.decode(latents.subarray(0, 16 * 2 * 6), size, going);
  assert.deepEqual([counted.held(), counted.sources], [held, ["free"]]);
  await vae[Symbol.asyncDispose]();
  assert.deepEqual(counted.held(), []);
});

Deno.test("weights that do not stay come with each use, in memory that graphs compute in, and the frames are the same", async () => {
  const { counted, weights } = shared("while used");
  const vae = await loadVae(folder, executables, { weights });
  const first = await vae.decode(latents, size, going);
  assert.deepEqual([counted.held(), counted.sources], [[], ["arena"]]);
  await vae.encodeImage(picture, going);
  assert.deepEqual(counted.held(), []);
  const again = await vae.decode(latents.toReversed(), size, going);
  assert.notDeepEqual(again, first);
  assert.deepEqual(await vae.decode(latents, size, going), first);
  await vae[Symbol.asyncDispose]();
});

Deno.test("SharedWeights keeps no failure, and no memory of a copy that failed", async () => {
  const counted = countedMemory(caseRuntime());
  const runtime = {
    ...counted.runtime,
    openMemory: (...from: Parameters<typeof counted.runtime.openMemory>) => {
      const port = counted.runtime.openMemory(...from);
      let failures = 1;
      return {
        ...port,
        upload: (...copy: Parameters<typeof port.upload>) =>
          failures-- > 0 ? Promise.reject(new Error("lost")) : port.upload(...copy),
      };
    },
  };
  const weights = new SharedWeights({ checkpoint: await openCheckpoint(folder), runtime, device, stay: "always" });
  const name = "post_quant_conv.bias";
  const sizeBytes = 16 * 4;
  const parts = [{ name, offsetBytes: 0, sizeBytes }];
  const layout: WeightLayout = {
    sizeBytes,
    tensors: [{ name, holds: "numbers", dtype: "float32", shape: [16], offsetBytes: 0, sizeBytes, parts }],
  };
  await assert.rejects(weights.of(layout, going), { message: "lost" });
  assert.deepEqual(counted.held(), []);
  await assert.rejects(weights.of(layout, AbortSignal.abort(new Error("enough"))), { message: "enough" });
  const { [name]: bias } = await weights.of(layout, going);
  assert.deepEqual(bias!.toHost().data, await (await openCheckpoint(folder)).readFloat32(name));
  await weights[Symbol.asyncDispose]();
  assert.deepEqual(counted.held(), []);
});

function numbersIn(checkpoint: Checkpoint): number {
  return checkpoint.names().reduce((sum, name) => sum + checkpoint.get(name).shape.reduce((n, side) => n * side, 1), 0);
}
