import assert from "node:assert/strict";
import { encodeModel } from "./onnx/model_proto.ts";
import { openRuntime } from "./onnx/runtime.ts";
import { bfloat16OfFloat32, float32Of, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { relativeChange } from "./sampling/tea_cache.ts";
import { changeGraph, type TransformerSource } from "./transformer_graphs.ts";

const tokens = (seed: number) =>
  float32Tensor([40, 8], Float32Array.from({ length: 320 }, (_, at) => Math.sin(at * 3.7 + seed)));

for (const computeDType of ["float32", "bfloat16"] as const) {
  Deno.test(`changeGraph() measures ${computeDType} tokens as relativeChange() does`, async () => {
    using runtime = openRuntime();
    const source = { computeDType, arithmetic: "emulated", config: { hidden: 8 } } as TransformerSource;
    using compare = await runtime.compile(encodeModel(changeGraph(source)), {
      device: { kind: "cpu" },
      weights: "resident",
      idleThreads: "sleep",
    });
    const given = ({ shape, data }: Tensor<"float32">): Tensor =>
      computeDType === "float32"
        ? { dtype: computeDType, shape, data }
        : { dtype: computeDType, shape, data: bfloat16OfFloat32(data) };
    const [now, before] = [given(tokens(1)), given(tokens(1.1))];
    const { difference, size } = await compare.run({ now, before });
    const expected = relativeChange(float32Of(now), float32Of(before));
    const actual = Number(difference!.data[0]) / Number(size!.data[0]);
    assert.ok(expected > 0.01);
    assert.ok(Math.abs(actual - expected) < 1e-6 * expected, `${actual} instead of ${expected}`);
  });
}
