import assert from "node:assert/strict";
import { randomOf } from "../../../tests/seeded.ts";
import { biasDelta, deltaShape, lowRankDelta, type Matrix, rankOf, weightDelta } from "./delta.ts";

const matrix = (rows: number, columns: number, ...data: number[]): Matrix => ({
  rows,
  columns,
  data: Float32Array.from(data),
});
const scalar = (value: number) => matrix(1, 1, value);

const kinds: readonly (readonly [name: string, tensors: Record<string, Matrix>, delta: Matrix])[] = [
  [
    "LoRA",
    { lora_up: matrix(2, 1, 1, 2), lora_down: matrix(1, 3, 1, 10, 100) },
    matrix(2, 3, 1, 10, 100, 2, 20, 200),
  ],
  [
    "LoRA with alpha 2 at rank 1",
    { lora_up: matrix(1, 1, 3), lora_down: matrix(1, 2, 1, 2), alpha: scalar(2) },
    matrix(1, 2, 6, 12),
  ],
  [
    "LoHa with alpha 1 at rank 2",
    {
      hada_w1_a: matrix(1, 2, 1, 1),
      hada_w1_b: matrix(2, 2, 1, 2, 3, 4),
      hada_w2_a: matrix(1, 2, 1, 0),
      hada_w2_b: matrix(2, 2, 5, 6, 0, 0),
      alpha: scalar(1),
    },
    matrix(1, 2, 4 * 5 / 2, 6 * 6 / 2),
  ],
  [
    "LoKr, both factors whole: alpha counts for nothing",
    { lokr_w1: matrix(1, 2, 1, 2), lokr_w2: matrix(2, 1, 3, 4), alpha: scalar(8) },
    matrix(2, 2, 3, 6, 4, 8),
  ],
  [
    "LoKr, the second factored, alpha 3 at rank 1",
    { lokr_w1: matrix(1, 1, 2), lokr_w2_a: matrix(2, 1, 1, 2), lokr_w2_b: matrix(1, 1, 5), alpha: scalar(3) },
    matrix(2, 1, 30, 60),
  ],
];

for (const [name, tensors, delta] of kinds) {
  Deno.test(`weightDelta() and deltaShape() of ${name}`, () => {
    const parts = new Map(Object.entries(tensors));
    assert.deepEqual(weightDelta(parts), delta);
    assert.deepEqual(deltaShape(parts), { rows: delta.rows, columns: delta.columns });
  });
}

const random = randomOf(7);
const randomMatrix = (rows: number, columns: number) =>
  matrix(rows, columns, ...Array.from({ length: rows * columns }, () => random() - 0.5));

for (
  const [name, tensors, rank] of [
    ["LoRA", { lora_up: randomMatrix(6, 2), lora_down: randomMatrix(2, 4), alpha: scalar(3) }, 2],
    ["LoHa", {
      ...{ hada_w1_a: randomMatrix(6, 2), hada_w1_b: randomMatrix(2, 4) },
      ...{ hada_w2_a: randomMatrix(6, 3), hada_w2_b: randomMatrix(3, 4), alpha: scalar(1) },
    }, 6],
    ["LoKr", { lokr_w1: randomMatrix(2, 2), lokr_w2_a: randomMatrix(3, 1), lokr_w2_b: randomMatrix(1, 2) }, 2],
    ["LoKr of two products", {
      ...{ lokr_w1_a: randomMatrix(2, 1), lokr_w1_b: randomMatrix(1, 2), alpha: scalar(2) },
      ...{ lokr_w2_a: randomMatrix(3, 1), lokr_w2_b: randomMatrix(1, 2) },
    }, 2],
  ] as const
) {
  Deno.test(`lowRankDelta() of ${name} is a product that gives weightDelta(), of the rank that rankOf() tells`, () => {
    const parts = new Map<string, Matrix>(Object.entries(tensors));
    const { up, down } = lowRankDelta(parts)!;
    assert.deepEqual([rankOf(parts), up.columns, down.rows], [rank, rank, rank]);
    const delta = weightDelta(parts)!;
    assert.deepEqual([up.rows, down.columns], [delta.rows, delta.columns]);
    for (const [i, expected] of delta.data.entries()) {
      const [row, column] = [Math.floor(i / delta.columns), i % delta.columns];
      let got = 0;
      for (let k = 0; k < rank; k++) got += up.data[row * rank + k]! * down.data[k * delta.columns + column]!;
      assert.ok(Math.abs(got - expected) < 1e-6, `${got} instead of ${expected} at ${row}, ${column}`);
    }
  });
}

Deno.test("a LoKr whose second factor is whole has no low rank", () => {
  const parts = new Map<string, Matrix>([["lokr_w1", randomMatrix(2, 2)], ["lokr_w2", randomMatrix(3, 2)]]);
  assert.deepEqual([rankOf(parts), lowRankDelta(parts)], [undefined, undefined]);
});

Deno.test("what is not complete has neither delta nor shape", () => {
  for (const name of ["lora_up", "hada_w1_a", "lokr_w1", "lokr_w2_a", "alpha"]) {
    const parts = new Map([[name, scalar(1)]]);
    assert.equal(weightDelta(parts), undefined, name);
    assert.equal(deltaShape(parts), undefined, name);
    assert.equal(rankOf(parts), undefined, name);
  }
});

Deno.test("deltaShape() refuses matrices that do not fit each other, as weightDelta() would", () => {
  const unfit = [
    { lora_up: matrix(2, 2, 1, 2, 3, 4), lora_down: matrix(1, 1, 1) },
    { hada_w1_a: scalar(1), hada_w1_b: matrix(1, 2, 1, 2), hada_w2_a: scalar(1), hada_w2_b: scalar(1) },
  ];
  for (const tensors of unfit) {
    assert.throws(() => deltaShape(new Map(Object.entries(tensors))), /^RangeError: a matrix \[\d, \d\] does not fit/);
  }
});

Deno.test("biasDelta() is scaled like the weight, and undefined where the bias is left alone", () => {
  const weight = { "lora_up": matrix(2, 1, 0, 0), "lora_down": scalar(0), alpha: scalar(3) };
  assert.equal(biasDelta(new Map(Object.entries(weight))), undefined);
  const both = new Map(Object.entries({ ...weight, lora_bias: matrix(2, 1, 1, -2) }));
  assert.deepEqual(biasDelta(both), Float32Array.of(3, -6));
});
