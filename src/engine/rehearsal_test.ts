/** Decoding tried before the first section is sampled, with the embedded model's real networks at a small size. */
import assert from "node:assert/strict";
import { exampleRequest } from "../../tests/emoji.ts";
import { modelInSight } from "../../tests/model_in_sight.ts";
import { generateVideo } from "./generate.ts";
import type { FramePackModel } from "./model.ts";
import type { Inputs } from "./onnx/executable.ts";

const going = new AbortController().signal;
const small = {
  windowLatentFrames: 2,
  durationSeconds: 0.6,
  widthPx: 32,
  heightPx: 32,
  steps: 2,
  previews: false,
} as const;

/** Latent frames of each tile that goes through the decoder, and the steps that had been taken before. */
function decodedTiles(runs: { steps: number; before: (inputs: Inputs) => void }) {
  const tiles: { readonly frames: number; readonly steps: number }[] = [];
  runs.before = (inputs) => {
    if ("latents" in inputs && inputs["latents"]!.shape[2] === 4 && !("history" in inputs)) {
      tiles.push({ frames: inputs["latents"]!.shape[1]!, steps: runs.steps });
    }
  };
  return tiles;
}

const framesOf = async (model: FramePackModel) => {
  const events = await Array.fromAsync(generateVideo(model, await exampleRequest(small), going));
  return events.flatMap((event) => event.kind === "frames" ? [event.batch] : []);
};

Deno.test("every shape of tile is decoded once before the first step, and none again for the next video", async () => {
  await using inSight = await modelInSight();
  const { runs } = inSight;
  const plain = await framesOf(inSight.model);
  await using fresh = await modelInSight();
  const rehearsing: FramePackModel = { ...fresh.model, rehearses: true };
  const tiles = decodedTiles(fresh.runs);
  assert.deepEqual(await framesOf(rehearsing), plain);
  const before = tiles.filter(({ steps }) => steps === 0).map(({ frames }) => frames);
  assert.ok(before.length > 1);
  assert.equal(new Set(before).size, before.length);
  for (const { frames } of tiles) assert.ok(before.includes(frames), `${frames} latent frames were not tried`);
  const stepsBefore = fresh.runs.steps;
  tiles.length = 0;
  await framesOf(rehearsing);
  assert.equal(tiles.filter(({ steps }) => steps === stepsBefore).length, 0);
  runs.before = () => {};
});

for (const decode of ["between", "overlapped"] as const) {
  Deno.test(`a decoder without memory ends the video before its first section (${decode})`, async () => {
    await using inSight = await modelInSight();
    const { runs, memory } = inSight;
    runs.before = (inputs) => {
      if ("latents" in inputs && inputs["latents"]!.shape[1] === 5) throw new Error("no memory for this tile");
    };
    const model: FramePackModel = { ...inSight.model, decode, rehearses: true };
    const kinds: string[] = [];
    await assert.rejects(async () => {
      for await (const { kind } of generateVideo(model, await exampleRequest(small), going)) kinds.push(kind);
    }, /no memory for this tile/);
    assert.ok(!kinds.includes("decoding") && !kinds.includes("sectionDone"), `${kinds}`);
    assert.deepEqual([runs.underWay, memory.held()], [0, []]);
  });
}
