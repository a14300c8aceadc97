/** The plan that the page shows before anything is sent, against the server's own. */
import assert from "node:assert/strict";
import { nearestSize, sizesOfResolution } from "../src/engine/sampling/resolution.ts";
import { planSections, videoPlan } from "../src/engine/sampling/section_plan.ts";
import { cropFor } from "../static/crop.js";
import { secondsUntilTurn } from "../src/session/expected_start.ts";
import { secondsUntilTurn as secondsShown } from "../static/expected_start.js";
import { bestSize, estimateWork, planVideo } from "../static/plan.js";

Deno.test("planVideo() plans what the engine plans, for every length in tenths and both orders", () => {
  for (const schedule of ["inverted", "forward"] as const) {
    for (let tenths = 10; tenths <= 1200; tenths++) {
      const durationSeconds = tenths / 10;
      const planned = planSections({ durationSeconds, schedule, windowLatentFrames: 9 });
      const { frames, sections } = videoPlan(planned, { widthPx: 64, heightPx: 64 });
      const shown = planVideo(durationSeconds, schedule);
      assert.deepEqual(
        { frames: shown.frames, sections: shown.sections },
        { frames, sections },
        `${durationSeconds} s`,
      );
    }
  }
});

Deno.test("planVideo() follows a model with shorter sections", () => {
  for (const schedule of ["inverted", "forward"] as const) {
    const planned = planSections({ durationSeconds: 3, schedule, windowLatentFrames: 3 });
    const { sections } = videoPlan(planned, { widthPx: 64, heightPx: 64 });
    assert.deepEqual(planVideo(3, schedule, 12).sections, sections);
  }
});

Deno.test("bestSize() chooses the size the engine chooses, in whatever order sizes are offered", () => {
  for (const resolution of [128, 320, 640]) {
    const sizes = sizesOfResolution(resolution);
    const offered = sizes.toSorted((a, b) => a.widthPx * 7 % 13 - b.widthPx * 7 % 13);
    for (let widthPx = 100; widthPx <= 3000; widthPx += 137) {
      for (let heightPx = 100; heightPx <= 3000; heightPx += 137) {
        assert.deepEqual(bestSize(offered, widthPx, heightPx), nearestSize({ widthPx, heightPx }, sizes));
      }
    }
  }
});

Deno.test("cropFor() cuts evenly on one axis and says how much", () => {
  const wide = cropFor({ widthPx: 2000, heightPx: 1000 }, { widthPx: 500, heightPx: 500 });
  assert.deepEqual(wide, {
    leftPx: 500,
    topPx: 0,
    widthPx: 1000,
    heightPx: 1000,
    share: 0.5,
    axis: "horizontal",
    isEnlarged: false,
  });
  const tall = cropFor({ widthPx: 100, heightPx: 400 }, { widthPx: 200, heightPx: 200 });
  assert.equal(tall.axis, "vertical");
  assert.equal(tall.topPx, 150);
  assert.equal(tall.isEnlarged, true);
  assert.equal(cropFor({ widthPx: 3000, heightPx: 2000 }, { widthPx: 768, heightPx: 512 }).axis, "none");
});

Deno.test("estimateWork() multiplies what was measured, and invents nothing", () => {
  const model = {
    defaults: { windowLatentFrames: 9 },
    measured: [{ widthPx: 128, heightPx: 128, secondsPerStep: 0.1, secondsPerDecode: 0.5 }],
  };
  const wanted = { sections: 4, steps: 25, windowLatentFrames: 9, widthPx: 128, heightPx: 128 };
  assert.deepEqual(estimateWork(model, wanted), { firstFramesSeconds: 3, totalSeconds: 12 });
  assert.deepEqual(estimateWork(model, { ...wanted, cfg: 2 }), { firstFramesSeconds: 5.5, totalSeconds: 22 });
  assert.equal(estimateWork(model, { ...wanted, widthPx: 256 }), undefined);
  assert.equal(estimateWork(model, { ...wanted, windowLatentFrames: 4 }), undefined);
});

Deno.test("secondsUntilTurn() of the page says what the server says, for one engine and for several", () => {
  const lines = [[], [20], [20, 30, 10, 40], [5, null]];
  for (const engines of [[0], [7], [null], [5, 8], [3, 3, 0], [5, null]]) {
    for (const line of lines) assert.equal(secondsShown(engines, line), secondsUntilTurn(engines, line));
  }
});
