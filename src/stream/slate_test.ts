import assert from "node:assert/strict";
import { planOf } from "../../tests/footage_world.ts";
import { createSlatePainter, drawChannelSlate } from "./slate.ts";

const accent = [0x4f, 0xe0, 0xcb];
const ink = [0xf3, 0xf3, 0xf3];

/** Sizes from the smallest that is taken to full HD's smaller sister. */
const sizes = [[64, 64], [96, 96], [640, 96], [96, 640], [768, 512], [1280, 720]] as const;

function painterOf(widthPx: number, heightPx: number, sections = 4) {
  const plan = { ...planOf("inverted", sections), format: { widthPx, heightPx, frameRate: 30 } };
  const pixels = new Uint8Array(widthPx * heightPx * 3);
  for (let at = 0; at < pixels.length; at += 3) pixels.set([255, 0, 0], at);
  return { plan, painter: createSlatePainter(plan, { widthPx, heightPx, pixels }) };
}

function count(pixels: Uint8Array, [red, green, blue]: readonly number[]): number {
  let found = 0;
  for (let at = 0; at < pixels.length; at += 3) {
    if (pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue) found++;
  }
  return found;
}

/** Middle of the pixels of a colour, as a fraction of the width. */
function centreOf(pixels: Uint8Array, widthPx: number, [red, green, blue]: readonly number[]): number {
  const columns: number[] = [];
  for (let at = 0; at < pixels.length; at += 3) {
    if (pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue) columns.push((at / 3) % widthPx);
  }
  return columns.reduce((sum, column) => sum + column + 0.5, 0) / columns.length / widthPx;
}

Deno.test("the start picture is grey at 40 % outside the strip", () => {
  const { painter } = painterOf(96, 96);
  const pixels = painter.paint({ decoded: [], work: null }, undefined);
  const grey = Math.round(6 * 0.6 + 0.299 * 255 * 0.4);
  assert.deepEqual([...pixels.subarray(0, 3)], [grey, grey, grey]);
  assert.deepEqual([...pixels.subarray(-3)], [grey, grey, grey]);
});

Deno.test("the strip shows what is done in ink and what is being made in the accent, in their places, at every size", () => {
  for (const [widthPx, heightPx] of sizes) {
    const { plan, painter } = painterOf(widthPx, heightPx);
    const nothing = painter.paint({ decoded: [], work: null }, undefined);
    assert.deepEqual([count(nothing, ink), count(nothing, accent)], [0, 0], `${widthPx} × ${heightPx}`);
    const half = painter.paint({
      decoded: [{ start: 76, end: plan.frames }],
      work: { section: 3, fraction: 0.5 },
    }, undefined);
    const centre = (start: number, end: number) => 0.1 + 0.8 * (start + end) / 2 / plan.frames;
    const done = centreOf(half, widthPx, ink);
    assert.ok(Math.abs(done - centre(76, plan.frames)) < 0.03, `${widthPx} × ${heightPx}: ink around ${done}`);
    const made = centreOf(half, widthPx, accent);
    assert.ok(Math.abs(made - centre(58, 76)) < 0.04, `${widthPx} × ${heightPx}: accent around ${made}`);
  }
});

Deno.test("the part that is done grows with the work", () => {
  const { painter } = painterOf(768, 512);
  const areas = [0.1, 0.3, 0.6, 0.9].map((fraction) =>
    count(painter.paint({ decoded: [], work: { section: 1, fraction } }, undefined), accent)
  );
  assert.ok(areas.every((area, k) => k === 0 || area > areas[k - 1]! * 1.2), `${areas}`);
});

Deno.test("a section that is decoded beside the next one is shown as sampled, and in work", () => {
  const { plan, painter } = painterOf(768, 512);
  const [first] = plan.sections;
  const area = (work: { section: number; fraction: number }, decoded: typeof plan.sections = []) =>
    [accent, ink].map((colour) => count(painter.paint({ decoded, work }, undefined), colour));
  const [sampled] = area({ section: 1, fraction: 1 });
  const [both, none] = area({ section: 2, fraction: 0.5 });
  assert.ok(both! > sampled! * 1.4);
  assert.equal(none, 0);
  const [second, ready] = area({ section: 2, fraction: 0.5 }, [first!]);
  assert.ok(second! < sampled! && ready! > 0);
});

Deno.test("a hundred sections fit on the smallest picture", () => {
  const { plan, painter } = painterOf(64, 64, 100);
  const pixels = painter.paint({ decoded: [{ start: 1840, end: plan.frames }], work: null }, undefined);
  assert.ok(Math.abs(centreOf(pixels, 64, ink) - 0.7) < 0.03);
});

Deno.test("the playhead moves over the strip", () => {
  const { plan, painter } = painterOf(768, 512);
  for (const frameIndex of [0, 36, 100, plan.frames - 1]) {
    const pixels = painter.paint({ decoded: [], work: null }, frameIndex);
    const expected = (0.1 * 768 + 0.8 * 768 * frameIndex / plan.frames) / 768;
    assert.ok(Math.abs(centreOf(pixels, 768, ink) - expected) < 0.003);
  }
});

Deno.test("paint() gives the same object as long as nothing looks different", () => {
  const { painter } = painterOf(96, 96);
  const first = painter.paint({ decoded: [], work: { section: 1, fraction: 0.5 } }, undefined);
  assert.equal(painter.paint({ decoded: [], work: { section: 1, fraction: 0.501 } }, undefined), first);
  assert.notEqual(painter.paint({ decoded: [], work: { section: 1, fraction: 0.9 } }, undefined), first);
});

Deno.test("drawChannelSlate() draws the sign of the wordmark in the middle, and the progress of the next video under it", () => {
  for (const [widthPx, heightPx] of sizes) {
    const format = { widthPx, heightPx, frameRate: 30 };
    const pixels = drawChannelSlate(format, null);
    assert.deepEqual([...pixels.subarray(0, 3)], [12, 12, 13]);
    assert.ok(centreOf(pixels, widthPx, ink) > 0.5 && centreOf(pixels, widthPx, accent) < 0.5, "done on the right");
    const [early, late] = [0.2, 0.9].map((progress) => count(drawChannelSlate(format, progress), accent));
    assert.ok(count(pixels, accent) < early! && early! < late!, `${widthPx} × ${heightPx}`);
  }
});
