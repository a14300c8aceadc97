/**
 * What an adapter adds to the weight of one module. LoRA (arXiv 2106.09685), LoHa (arXiv 2108.06098), LoKr (LyCORIS,
 * arXiv 2309.14859). Pure.
 * @module
 */

/** Numbers in rows. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** Tensors of one module by the end of their name, `lora_down`, `hada_w1_a`, `lokr_w1`, …, in float32. */
export type AdapterTensors = ReadonlyMap<string, Matrix>;

/**
 * ΔW without the user's strength, or undefined when the tensors are of no known kind or not complete. `alpha` scales by
 * alpha/rank; without it the scale is 1.
 */
export function weightDelta(tensors: AdapterTensors): Matrix | undefined {
  const alpha = tensors.get("alpha")?.data[0];
  const scaledBy = (rank: number, delta: Matrix) => alpha === undefined ? delta : scale(delta, alpha / rank);
  const [down, up] = [tensors.get("lora_down"), tensors.get("lora_up")];
  if (down && up) return scaledBy(down.rows, product(up, down));
  const [a1, b1, a2, b2] = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"].map((name) => tensors.get(name));
  if (a1 && b1 && a2 && b2) return scaledBy(b1.rows, elementwise(product(a1, b1), product(a2, b2)));
  const [first, second] = [factor(tensors, "lokr_w1"), factor(tensors, "lokr_w2")];
  if (!first || !second) return undefined;
  const rank = second.rank ?? first.rank;
  const delta = kronecker(first.matrix, second.matrix);
  return rank === undefined ? delta : scaledBy(rank, delta);
}

/** A factor of LoKr: stored whole, or as a product of two of some rank. */
function factor(
  tensors: AdapterTensors,
  name: string,
): { readonly matrix: Matrix; readonly rank?: number } | undefined {
  const whole = tensors.get(name);
  if (whole) return { matrix: whole };
  const [a, b] = [tensors.get(`${name}_a`), tensors.get(`${name}_b`)];
  return a && b && { matrix: product(a, b), rank: b.rows };
}

function product(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) {
    throw new RangeError(`a matrix [${a.rows}, ${a.columns}] does not fit [${b.rows}, ${b.columns}]`);
  }
  const data = new Float32Array(a.rows * b.columns);
  const row = new Float64Array(b.columns);
  for (let i = 0; i < a.rows; i++) {
    row.fill(0);
    for (let k = 0; k < a.columns; k++) {
      const weight = a.data[i * a.columns + k]!;
      for (let j = 0; j < b.columns; j++) row[j]! += weight * b.data[k * b.columns + j]!;
    }
    data.set(row, i * b.columns);
  }
  return { rows: a.rows, columns: b.columns, data };
}

function elementwise(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((value, index) => value * b.data[index]!) };
}

function kronecker(a: Matrix, b: Matrix): Matrix {
  const [rows, columns] = [a.rows * b.rows, a.columns * b.columns];
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const left = a.data[Math.floor(i / b.rows) * a.columns + Math.floor(j / b.columns)]!;
      data[i * columns + j] = left * b.data[(i % b.rows) * b.columns + j % b.columns]!;
    }
  }
  return { rows, columns, data };
}

export const scale = (matrix: Matrix, by: number): Matrix => ({
  ...matrix,
  data: matrix.data.map((value) => value * by),
});
