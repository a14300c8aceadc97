import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { offeredSizes, planVideo, readManifest, resolveSettings } from "./manifest.ts";
import { generationSettings } from "./request.ts";

const emoji = new URL("../../models/emoji", import.meta.url).pathname;
const square = { widthPx: 200, heightPx: 200 };

async function withCopy(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "framecast-manifest-"));
  try {
    await cp(emoji, dir, { recursive: true });
    await use(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

Deno.test("readManifest() reads the embedded model", async () => {
  const manifest = await readManifest(emoji);
  assert.deepEqual(offeredSizes(manifest), [{ widthPx: 96, heightPx: 96 }]);
  const settings = resolveSettings(generationSettings.parse({ seed: -1 }), manifest, square, 77);
  assert.equal(settings.seed, 77);
  assert.equal(settings.steps, 6);
  assert.equal(settings.schedule, "inverted");
  assert.deepEqual([settings.widthPx, settings.heightPx], [96, 96]);
  const plan = planVideo(settings);
  assert.equal(plan.frames, 145);
  assert.deepEqual(plan.sections.at(-1), { start: 0, end: 40 });
  assert.ok(manifest.examples.length > 0);
});

Deno.test("resolveSettings() takes the model's window, unless another one is asked for", async () => {
  const manifest = await readManifest(emoji);
  const resolved = (settings: object) => resolveSettings(generationSettings.parse(settings), manifest, square, 0);
  assert.equal(resolved({}).windowLatentFrames, 9);
  assert.equal(
    resolveSettings(generationSettings.parse({}), { ...manifest, latentWindowFrames: 5 }, square, 0)
      .windowLatentFrames,
    5,
  );
  assert.equal(planVideo(resolved({ windowLatentFrames: 4, durationSeconds: 1 })).frames, 2 * 16 + 1);
});

Deno.test("readManifest() takes a folder without framecast.json for FramePack as published", async () => {
  await withCopy(async (dir) => {
    await rm(join(dir, "framecast.json"));
    const manifest = await readManifest(dir);
    const settings = resolveSettings(generationSettings.parse({}), manifest, { widthPx: 1920, heightPx: 1080 }, 0);
    assert.deepEqual([settings.steps, settings.guidance, settings.cfg], [25, 10, 1]);
    assert.deepEqual([settings.widthPx, settings.heightPx], [832, 480]);
    assert.deepEqual(manifest.schedules, ["inverted", "forward"]);
    assert.deepEqual(offeredSizes(manifest).slice(0, 2).map(({ widthPx }) => widthPx).sort(), [608, 640]);
  });
});

Deno.test("readManifest() names the file that is missing or wrong", async () => {
  await assert.rejects(readManifest("/nowhere"), {
    name: "CheckpointError",
    message: /"\/nowhere".*transformer\/config/,
  });
  await withCopy(async (dir) => {
    await rm(join(dir, "vae/diffusion_pytorch_model.safetensors"));
    await assert.rejects(readManifest(dir), { name: "CheckpointError", message: /vae\/diffusion_pytorch_model/ });
  });
  await withCopy(async (dir) => {
    await writeFile(join(dir, "framecast.json"), '{"name":"x","default_steps":0}');
    await assert.rejects(readManifest(dir), { name: "CheckpointError", message: /framecast.json": default_steps/ });
  });
});

Deno.test("readManifest() reads the map from latents to colours, and names what is wrong with one", async () => {
  const { latentRgb } = await readManifest(emoji);
  assert.equal(latentRgb!.factors.length, 16);
  assert.equal(latentRgb!.bias.length, 3);
  const factors = latentRgb!.factors;
  const bias = [0, 0, 0];
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ factors: factors.slice(1), bias }, /framecast.json": latent_rgb\.factors: /],
    [{ factors: factors.with(3, [1, 2] as never), bias }, /framecast.json": latent_rgb\.factors\.3: /],
    [{ factors: factors.with(3, [1, 2, "x"] as never), bias }, /framecast.json": latent_rgb\.factors\.3\.2: /],
    [{ factors, bias: [0, 0, 0, 0] }, /framecast.json": latent_rgb\.bias: /],
    [{ factors }, /framecast.json": latent_rgb\.bias: /],
  ];
  await withCopy(async (dir) => {
    for (const [map, message] of wrong) {
      await writeFile(join(dir, "framecast.json"), JSON.stringify({ name: "x", "latent_rgb": map }));
      await assert.rejects(readManifest(dir), { name: "CheckpointError", message });
    }
    await writeFile(join(dir, "framecast.json"), JSON.stringify({ name: "x" }));
    assert.equal((await readManifest(dir)).latentRgb, undefined);
  });
});

Deno.test("readManifest() reads what a small model understands, and names what is wrong with it", async () => {
  const { understands } = await readManifest(emoji);
  assert.ok(understands!.motions.includes("jumps up and down"));
  await withCopy(async (dir) => {
    const write = (grammar: unknown) =>
      writeFile(join(dir, "framecast.json"), JSON.stringify({ name: "x", understands: grammar }));
    await write({ subjects: "a cat", motions: [], otherwise: "It sits." });
    await assert.rejects(readManifest(dir), {
      name: "CheckpointError",
      message: /framecast.json": understands\.motions: /,
    });
    await write({ subjects: "a cat", motions: ["purrs"], otherwise: "It sits." });
    const empty = { together: [], speeds: [] };
    assert.deepEqual((await readManifest(dir)).understands, {
      ...{ subjects: "a cat", motions: ["purrs"], otherwise: "It sits." },
      ...empty,
    });
    await write(undefined);
    assert.equal((await readManifest(dir)).understands, null);
  });
});

Deno.test("resolveSettings() refuses a size or schedule the model cannot do, and tells what fits", async () => {
  const manifest = await readManifest(emoji);
  const resolve = (settings: Record<string, unknown>, model = manifest) =>
    resolveSettings(generationSettings.parse(settings), model, square, 0);
  assert.throws(() => resolve({ resolution: "100x96" }), {
    name: "RequestError",
    field: "resolution",
    message: /next that fits is 128x96/,
  });
  assert.deepEqual(resolve({ resolution: "128x64" }).widthPx, 128);
  assert.equal(resolve({ resolution: 128 }).widthPx % 32, 0);
  assert.throws(() => resolve({ schedule: "forward" }, { ...manifest, schedules: ["inverted"] }), {
    field: "schedule",
  });
});
