/**
 * What the embedded model was not made for: photos, text, plain colours, prompts outside of its words, one step and fifty. The
 * video stays calm: no strobing, and neither black nor white where the picture is not.
 */
import assert from "node:assert/strict";
import { createFramePackEngine } from "../src/engine/framepack_engine.ts";
import { plainPicture, type ResolvedSettings } from "../src/engine/mod.ts";
import type { RgbImage } from "../src/video.ts";
import { example, exampleRequest } from "./emoji.ts";

const engine = createFramePackEngine({ device: { kind: "cpu" } });
Deno.test.afterAll(async () => await engine[Symbol.asyncDispose]());

interface Clip {
  readonly frames: readonly Uint8Array[];
  readonly start: RgbImage;
}

async function made(settings: Partial<ResolvedSettings>, picture?: RgbImage): Promise<Clip> {
  const request = await exampleRequest({ durationSeconds: 1.2, steps: 4, ...settings });
  const image = picture ?? request.image;
  const frames: Uint8Array[] = [];
  for await (const event of engine.generate({ ...request, image }, new AbortController().signal)) {
    if (event.kind !== "frames") continue;
    const { firstFrameIndex, pixels } = event.batch;
    const bytes = 96 * 96 * 3;
    for (let at = 0; at < pixels.length; at += bytes) {
      frames[firstFrameIndex + at / bytes] = pixels.subarray(at, at + bytes);
    }
  }
  return { frames, start: image };
}

/** Of all channels, 0 to 255. */
const brightness = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
const distance = (one: Uint8Array, other: Uint8Array) =>
  one.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0) / one.length;

function assertCalm({ frames, start }: Clip, what: string): void {
  assert.equal(frames.length, 37, what);
  const steps = frames.slice(1).map((frame, i) => distance(frame, frames[i]!));
  // A whole picture that flickers between two greys moves by tens of levels; a sprite that jumps moves by a few.
  assert.ok(Math.max(...steps) < 12, `${what}: a frame is ${Math.max(...steps)} levels from the one before it`);
  const before = brightness(start.pixels);
  for (const frame of frames) {
    const away = Math.abs(brightness(frame) - before);
    assert.ok(away < 60, `${what}: brightness goes from ${before} to ${brightness(frame)}`);
  }
}

const size = { widthPx: 96, heightPx: 96 };
function drawn(
  colourAt: (x: number, y: number) => readonly [number, number, number],
  { widthPx, heightPx } = size,
): RgbImage {
  const pixels = new Uint8Array(3 * widthPx * heightPx);
  for (let i = 0; i < widthPx * heightPx; i++) pixels.set(colourAt(i % widthPx, Math.floor(i / widthPx)), 3 * i);
  return { widthPx, heightPx, pixels };
}

const pictures: Readonly<Record<string, RgbImage>> = {
  "noise": plainPicture("noise", { ...size, seed: 4 }),
  "black": plainPicture("black", { ...size, seed: 0 }),
  "white": plainPicture("white", { ...size, seed: 0 }),
  // A horizon, hills and a sun, with the grain of a camera.
  "something like a photo": drawn((x, y) => {
    const grain = ((x * 7919 + y * 104_729) % 23) - 11;
    const hill = 210 + 30 * Math.sin(x / 37) + 14 * Math.sin(x / 11);
    const isSun = (x - 300) ** 2 + (y - 90) ** 2 < 900;
    const [r, g, b] = isSun ? [255, 236, 170] : y > hill ? [70 + y / 8, 96, 54] : [120 + y / 3, 160 + y / 5, 220];
    return [r! + grain, g! + grain, b! + grain].map((value) => Math.min(255, Math.max(0, value))) as [
      number,
      number,
      number,
    ];
  }, { widthPx: 400, heightPx: 300 }),
  // Dark strokes in lines on white, as wide as letters, in a picture that is much wider than high.
  "a screenshot of text": drawn((x, y) => {
    const isInk = y % 14 > 4 && (x * 31 + Math.floor(y / 14) * 17) % 11 < 4 && x % 90 < 70;
    return isInk ? [30, 30, 30] : [252, 252, 252];
  }, { widthPx: 900, heightPx: 180 }),
};

for (const [what, picture] of Object.entries(pictures)) {
  Deno.test(`a start picture of ${what} gives a calm video, in both orders`, async () => {
    for (const schedule of ["inverted", "forward"] as const) {
      assertCalm(await made({ schedule, prompt: "It jumps up and down." }, picture), `${what}, ${schedule}`);
    }
  });
}

Deno.test("a prompt outside of the model's words gives a calm video", async () => {
  const prompts = [
    "",
    "猫が静かに好き",
    "Die Kanzlerin hält eine Rede. ".repeat(40),
    "cinematic, 4k, masterpiece",
    "!!! ??? 123",
  ];
  for (const prompt of prompts) assertCalm(await made({ prompt }), `"${prompt.slice(0, 30)}"`);
});

Deno.test("one step and fifty steps give calm videos", async () => {
  for (const steps of [1, 50]) assertCalm(await made({ steps, prompt: example.prompt }), `${steps} steps`);
});
