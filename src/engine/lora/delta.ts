/**
 * What an adapter adds to the weight of one module. LoRA (arXiv 2106.09685), LoHa (arXiv 2108.06098), LoKr (LyCORIS,
 * arXiv 2309.14859). Pure.
 * @module
 */

/** Rows and columns of a matrix; a convolution's kernel counts as columns. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
}

/** Numbers in rows. */
export interface Matrix extends MatrixShape {
  readonly data: Float32Array;
}

/** What an adapter says of one module, by the end of its tensors' names: `lora_down`, `hada_w1_a`, `lokr_w1`, `alpha`, … */
export type AdapterParts<Part extends MatrixShape> = ReadonlyMap<string, Part>;

/** Tensors of one module in float32. */
export type AdapterTensors = AdapterParts<Matrix>;

/**
 * ΔW without the user's strength, or undefined when the tensors are of no known kind or not complete. `alpha` scales by
 * alpha/rank; without it the scale is 1.
 */
export function weightDelta(tensors: AdapterTensors): Matrix | undefined {
  const by = scaleOf(tensors);
  const [down, up] = [tensors.get("lora_down"), tensors.get("lora_up")];
  if (down && up) return scaled(product(up, down), by);
  const [a1, b1, a2, b2] = hadamardParts.map((name) => tensors.get(name));
  if (a1 && b1 && a2 && b2) return scaled(elementwise(product(a1, b1), product(a2, b2)), by);
  const [first, second] = [factor(tensors, "lokr_w1"), factor(tensors, "lokr_w2")];
  return first && second && scaled(kronecker(first, second), by);
}

/** A matrix as a product of two that are smaller: `up` [rows, rank] · `down` [rank, columns]. */
export interface LowRank {
  readonly up: Matrix;
  readonly down: Matrix;
}

/**
 * The same ΔW as `weightDelta()`, for those that want to multiply by it without making it; undefined where it has no such
 * form, which is a LoKr whose second factor is stored whole. With ∘ for each place by its own, ⊗ for Kronecker's product:
 * (a₁b₁)∘(a₂b₂) has the columns a₁ᵖ∘a₂ᵠ and the rows b₁ᵖ∘b₂ᵠ; F⊗(ab) = (F⊗a)(1⊗b).
 */
export function lowRankDelta(tensors: AdapterTensors): LowRank | undefined {
  if (rankOf(tensors) === undefined) return undefined;
  const by = scaleOf(tensors);
  const [down, up] = [tensors.get("lora_down"), tensors.get("lora_up")];
  if (down && up) return { up: scaled(up, by), down };
  const [a1, b1, a2, b2] = hadamardParts.map((name) => tensors.get(name));
  if (a1 && b1 && a2 && b2) return { up: scaled(rowsTogether(a1, a2), by), down: columnsTogether(b1, b2) };
  const [first, a, b] = [factor(tensors, "lokr_w1")!, tensors.get("lokr_w2_a")!, tensors.get("lokr_w2_b")!];
  return { up: scaled(kronecker(first, a), by), down: kronecker(identity(first.columns), b) };
}

/** The rank of `lowRankDelta()`, from the shapes of its tensors alone; undefined likewise. */
export function rankOf(parts: AdapterParts<MatrixShape>): number | undefined {
  if (!deltaShape(parts)) return undefined;
  const [down, b1, b2] = ["lora_down", "hada_w1_b", "hada_w2_b"].map((name) => parts.get(name));
  if (down) return down.rows;
  if (b1 && b2) return b1.rows * b2.rows;
  const [first, firstB, b] = ["lokr_w1", "lokr_w1_b", "lokr_w2_b"].map((name) => parts.get(name));
  return !parts.has("lokr_w2") && b ? (first ?? firstB)!.columns * b.rows : undefined;
}

/** What is added to the module's bias, without the user's strength; undefined for the many that leave it alone. */
export function biasDelta(tensors: AdapterTensors): Float32Array | undefined {
  const bias = tensors.get("lora_bias");
  return bias && scaled(bias, scaleOf(tensors)).data;
}

/**
 * The shape that `weightDelta()` will have, from the shapes of its tensors alone; undefined likewise.
 * @throws RangeError when two of them do not fit each other
 */
export function deltaShape(parts: AdapterParts<MatrixShape>): MatrixShape | undefined {
  const [down, up] = [parts.get("lora_down"), parts.get("lora_up")];
  if (down && up) return productShape(up, down);
  const [a1, b1, a2, b2] = hadamardParts.map((name) => parts.get(name));
  if (a1 && b1 && a2 && b2) {
    const [first, second] = [productShape(a1, b1), productShape(a2, b2)];
    if (first.rows !== second.rows || first.columns !== second.columns) throw doesNotFit(first, second);
    return first;
  }
  const [first, second] = ["lokr_w1", "lokr_w2"].map((name) => {
    const [a, b] = [parts.get(`${name}_a`), parts.get(`${name}_b`)];
    return parts.get(name) ?? (a && b && productShape(a, b));
  });
  return first && second && { rows: first.rows * second.rows, columns: first.columns * second.columns };
}

const hadamardParts = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"];

/** alpha/rank; 1 without an alpha, and for a LoKr whose factors are both stored whole, which has no rank. */
function scaleOf(tensors: AdapterTensors): number {
  const alpha = tensors.get("alpha")?.data[0];
  const ofRank = ["lora_down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"].map((name) => tensors.get(name)).find(Boolean);
  return alpha === undefined || !ofRank ? 1 : alpha / ofRank.rows;
}

/** A factor of LoKr: stored whole, or as a product of two of some rank. */
function factor(tensors: AdapterTensors, name: string): Matrix | undefined {
  const [a, b] = [tensors.get(`${name}_a`), tensors.get(`${name}_b`)];
  return tensors.get(name) ?? (a && b && product(a, b));
}

function productShape(a: MatrixShape, b: MatrixShape): MatrixShape {
  if (a.columns !== b.rows) throw doesNotFit(a, b);
  return { rows: a.rows, columns: b.columns };
}

function doesNotFit(a: MatrixShape, b: MatrixShape): RangeError {
  return new RangeError(`a matrix [${a.rows}, ${a.columns}] does not fit [${b.rows}, ${b.columns}]`);
}

function product(a: Matrix, b: Matrix): Matrix {
  const shape = productShape(a, b);
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
  return { ...shape, data };
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

/** Every column of one times every column of the other, place by place. */
function rowsTogether(a: Matrix, b: Matrix): Matrix {
  const columns = a.columns * b.columns;
  const data = new Float32Array(a.rows * columns);
  for (let i = 0; i < data.length; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    data[i] = a.data[row * a.columns + Math.floor(column / b.columns)]! * b.data[row * b.columns + column % b.columns]!;
  }
  return { rows: a.rows, columns, data };
}

/** Every row of one times every row of the other, place by place. */
function columnsTogether(a: Matrix, b: Matrix): Matrix {
  const { columns } = a;
  const data = new Float32Array(a.rows * b.rows * columns);
  for (let i = 0; i < data.length; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    data[i] = a.data[Math.floor(row / b.rows) * columns + column]! * b.data[row % b.rows * columns + column]!;
  }
  return { rows: a.rows * b.rows, columns, data };
}

function identity(size: number): Matrix {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return { rows: size, columns: size, data };
}

function scaled(matrix: Matrix, by: number): Matrix {
  return by === 1 ? matrix : { ...matrix, data: matrix.data.map((value) => value * by) };
}
