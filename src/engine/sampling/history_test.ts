import assert from "node:assert/strict";
import {
  beginHistory,
  extendHistory,
  historyContext,
  joinLatentFrames,
  latentsToDecode,
  splitLatentFrames,
} from "./history.ts";
import { planSections } from "./section_plan.ts";

/** Frame names: `start`, and `section.frame` of what was made. */
function run(schedule: "inverted" | "forward", sections: number, windowLatentFrames: number) {
  const durationSeconds = sections * 4 * windowLatentFrames / 30;
  let history = beginHistory(schedule, "start");
  return planSections({ durationSeconds, schedule, windowLatentFrames }).map((section) => {
    const context = historyContext(history);
    const window = section.indices.noisy.map((_, j) => `${section.section}.${j}`);
    history = extendHistory(history, section, window);
    return { context, decoded: latentsToDecode(history, section), kept: history.frames.length };
  });
}

Deno.test("historyContext() inverted: zeros at first, then the later section's frames, nearest first", () => {
  const [first, second] = run("inverted", 2, 9);
  assert.deepEqual(first!.context.clean1x, ["start", null]);
  assert.deepEqual(first!.context.clean4x, Array(16).fill(null));
  assert.deepEqual(second!.context.clean1x, ["start", "1.0"]);
  assert.deepEqual(second!.context.clean2x, ["1.1", "1.2"]);
  assert.deepEqual(second!.context.clean4x.slice(0, 7), ["1.3", "1.4", "1.5", "1.6", "1.7", "1.8", null]);
});

Deno.test("historyContext() forward: the start frame is the nearest at first, then the last frames made", () => {
  const [first, second] = run("forward", 2, 9);
  assert.deepEqual(first!.context.clean1x, ["start", "start"]);
  assert.deepEqual(first!.context.clean2x, [null, null]);
  assert.deepEqual(second!.context.clean1x, ["start", "1.8"]);
  assert.deepEqual(second!.context.clean2x, ["1.6", "1.7"]);
  assert.deepEqual(second!.context.clean4x.slice(-7), ["start", "1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]);
});

Deno.test("beginHistory() with an end frame: it lies behind the first section, and is never decoded", () => {
  let history = beginHistory("inverted", "start", "end");
  const made = planSections({ durationSeconds: 72 / 30, schedule: "inverted", windowLatentFrames: 9 }).map(
    (section) => {
      const context = historyContext(history);
      history = extendHistory(history, section, section.indices.noisy.map((_, j) => `${section.section}.${j}`));
      return { context, decoded: latentsToDecode(history, section) };
    },
  );
  assert.deepEqual(made[0]!.context.clean1x, ["start", "end"]);
  assert.deepEqual(made[0]!.context.clean2x, [null, null]);
  assert.deepEqual(made[1]!.context.clean4x.slice(5, 8), ["1.8", "end", null]);
  assert.equal(made.length, 2);
  assert.ok(made.every(({ decoded }) => !decoded.includes("end")));
  assert.deepEqual(beginHistory("forward", "start", "end"), beginHistory("forward", "start"));
});

Deno.test("latentsToDecode() inverted: one window, then two, and the start frame at the end", () => {
  const decoded = run("inverted", 3, 3).map((section) => section.decoded);
  assert.deepEqual(decoded, [
    ["1.0", "1.1", "1.2"],
    ["2.0", "2.1", "2.2", "1.0", "1.1", "1.2"],
    ["start", "3.0", "3.1", "3.2", "2.0", "2.1", "2.2"],
  ]);
});

Deno.test("latentsToDecode() forward: the start frame first, then two windows", () => {
  const decoded = run("forward", 3, 3).map((section) => section.decoded);
  assert.deepEqual(decoded, [
    ["start", "1.0", "1.1", "1.2"],
    ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"],
    ["2.0", "2.1", "2.2", "3.0", "3.1", "3.2"],
  ]);
});

Deno.test("extendHistory() keeps no more than later sections can reach", () => {
  for (const schedule of ["inverted", "forward"] as const) {
    assert.equal(Math.max(...run(schedule, 40, 9).map(({ kept }) => kept)), 19);
    assert.equal(Math.max(...run(schedule, 10, 18).map(({ kept }) => kept)), 37);
  }
});

Deno.test("splitLatentFrames() is undone by joinLatentFrames()", () => {
  const shape = { channels: 2, height: 2, width: 3 };
  const latents = Float32Array.from({ length: 2 * 4 * 6 }, (_, i) => i);
  const frames = splitLatentFrames(latents, shape);
  assert.deepEqual([...frames[1]!], [6, 7, 8, 9, 10, 11, 30, 31, 32, 33, 34, 35]);
  assert.deepEqual(joinLatentFrames(frames, shape), latents);
  assert.deepEqual([...joinLatentFrames([null], shape)], Array(12).fill(0));
});

Deno.test("splitLatentFrames() refuses a length that holds no whole frames", () => {
  assert.throws(() => splitLatentFrames(new Float32Array(13), { channels: 2, height: 2, width: 3 }), {
    name: "RangeError",
    message: "Cannot split 13 latents into frames [2, 2, 3]",
  });
});
