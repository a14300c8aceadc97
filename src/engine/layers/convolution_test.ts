import assert from "node:assert/strict";
import { runOnce, tinyCheckpoint, tinyInput, withBiases } from "../../../tests/tiny_network.ts";
import type { Module, Value } from "../onnx/module.ts";
import {
  causalConvolution,
  causalConvolutionOfRepeatedFrames,
  pointwiseConvolution,
  type Stride,
} from "./convolution.ts";

type Size = readonly [frames: number, channels: number, height: number, width: number];

const out = 5;
const checkpoint = (inner: number) => tinyCheckpoint(withBiases({ "conv": [out, inner, 3, 3, 3] }));
const whole: Stride = { frames: 1, rows: 1, columns: 1 };

/** The definition, number by number: y[t, o, r, c] over the 27 places before and around, the border repeated outside. */
async function byDefinition(x: Float32Array, [frames, inner, height, width]: Size, stride: Stride): Promise<number[]> {
  const weight = await checkpoint(inner).readFloat32("conv.weight");
  const bias = await checkpoint(inner).readFloat32("conv.bias");
  const clamp = (at: number, size: number) => Math.min(Math.max(at, 0), size - 1);
  const result: number[] = [];
  for (let t = 0; t < frames; t += stride.frames) {
    for (let o = 0; o < out; o++) {
      for (let row = 0; row < height; row += stride.rows) {
        for (let column = 0; column < width; column += stride.columns) {
          let sum = bias[o]!;
          for (let k = 0; k < inner * 27; k++) {
            const [i, a, b, c] = [Math.floor(k / 27), Math.floor(k / 9) % 3, Math.floor(k / 3) % 3, k % 3];
            const [frame, r] = [clamp(t + a - 2, frames), clamp(row + b - 1, height)];
            const from = ((frame * inner + i) * height + r) * width + clamp(column + c - 1, width);
            sum += x[from]! * weight[o * inner * 27 + k]!;
          }
          result.push(sum);
        }
      }
    }
  }
  return result;
}

function assertNear(actual: ArrayLike<number | bigint>, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(actual[i]))), 0);
  assert.ok(worst < 5e-6, `differs by ${worst}`);
}

async function layer(size: Size, build: (m: Module, x: Value) => Value) {
  const x = tinyInput("video", size);
  const { y } = await runOnce(checkpoint(size[1]), (m, g) => g.output("y", build(m, g.input("x", size))), { x });
  return { x: x.data, y: y! };
}

for (const frames of [1, 2, 3, 6]) {
  Deno.test(`causalConvolution() is the definition for ${frames} frames`, async () => {
    const size: Size = [frames, 3, 4, 5];
    const { x, y } = await layer(size, (m, x) => causalConvolution(m, x, out));
    assert.deepEqual(y.shape, [frames, out, 4, 5]);
    assertNear(y.data, await byDefinition(x, size, whole));
  });

  Deno.test(`causalConvolution() with steps is the definition for ${frames} frames`, async () => {
    const size: Size = [frames, 2, 6, 4];
    for (const stride of [{ frames: 1, rows: 2, columns: 2 }, { frames: 2, rows: 2, columns: 2 }] as const) {
      const { x, y } = await layer(size, (m, x) => causalConvolution(m, x, out, stride));
      assert.deepEqual(y.shape, [Math.ceil(frames / stride.frames), out, 3, 2]);
      assertNear(y.data, await byDefinition(x, size, stride));
    }
  });

  Deno.test(`causalConvolutionOfRepeatedFrames() sees every frame but the first twice, ${frames} frames`, async () => {
    const size: Size = [frames, 3, 2, 4];
    const { x, y } = await layer(size, (m, x) => causalConvolutionOfRepeatedFrames(m, x, out));
    const frame = (t: number) => x.subarray(t * 24, (t + 1) * 24);
    const repeated = Array.from({ length: 2 * frames - 1 }, (_, t) => [...frame(Math.ceil(t / 2))]).flat();
    assert.deepEqual(y.shape, [2 * frames - 1, out, 2, 4]);
    assertNear(y.data, await byDefinition(Float32Array.from(repeated), [2 * frames - 1, 3, 2, 4], whole));
  });
}

Deno.test("pointwiseConvolution() maps the channels of every place", async () => {
  const weights = tinyCheckpoint({ weight: [2, 3, 1, 1, 1], bias: [2] });
  const x = tinyInput("video", [2, 3, 1, 2]);
  const { y } = await runOnce(weights, (m, g) => g.output("y", pointwiseConvolution(m, g.input("x", x.shape), 2)), {
    x,
  });
  const [weight, bias] = [await weights.readFloat32("weight"), await weights.readFloat32("bias")];
  const expected = [0, 1].flatMap((frame) =>
    [0, 1].flatMap((o) =>
      [0, 1].map((column) =>
        [0, 1, 2].reduce((sum, i) => sum + weight[o * 3 + i]! * x.data[(frame * 3 + i) * 2 + column]!, bias[o]!)
      )
    )
  );
  assertNear(y!.data, expected);
});
