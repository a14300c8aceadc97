/**
 * The operators that networks are written in, each with its shape rule. `m` only names the nodes.
 * @module
 */
import { castTo, type Dim, type Module, type Value } from "./module.ts";

export const add = (m: Module, a: Value, b: Value): Value => m.op("Add", [a, b], broadcast(m, a, b));
export const sub = (m: Module, a: Value, b: Value): Value => m.op("Sub", [a, b], broadcast(m, a, b));
export const mul = (m: Module, a: Value, b: Value): Value => m.op("Mul", [a, b], broadcast(m, a, b));

/** a `[…, rows, inner]`, b `[…, inner, columns]`. */
export function matmul(m: Module, a: Value, b: Value): Value {
  const [inner, other] = [a.shape.at(-1)!, b.shape.at(-2)!];
  if (inner !== other) throw m.mismatch("matrix product", a.shape, [...a.shape.slice(0, -1), other]);
  const batch = broadcastShapes(m, a.shape.slice(0, -2), b.shape.slice(0, -2));
  return m.op("MatMul", [a, b], [...batch, a.shape.at(-2)!, b.shape.at(-1)!]);
}

/**
 * The same numbers under another shape. At most one dimension may be named, or be the place `"rest"` that takes what is
 * left; both become −1.
 */
export function reshape(m: Module, x: Value, shape: readonly Dim[]): Value {
  const known = shape.filter((dim) => typeof dim === "number");
  if (shape.length - known.length > 1) throw m.mismatch("reshape", shape, "at most one dimension unknown");
  const [from, to] = [elements(x.shape), elements(shape)];
  if (from !== undefined && to !== undefined && from !== to) throw m.mismatch("reshape", x.shape, shape);
  const target = m.integers(...shape.map((dim) => typeof dim === "number" ? dim : -1));
  const rest = from === undefined ? undefined : from / known.reduce((size, dim) => size * dim, 1);
  return m.op("Reshape", [x, target], shape.map((dim) => dim === "rest" && rest !== undefined ? rest : dim));
}

export const transpose = (m: Module, x: Value, axes: readonly number[]): Value =>
  m.op("Transpose", [x], axes.map((axis) => x.shape[axis]!), { perm: axes });

/** Joins along `axis`; the other dimensions are equal. */
export function concat(m: Module, axis: number, ...values: readonly Value[]): Value {
  const [first] = values;
  if (values.length === 1) return first!;
  for (const { shape } of values) {
    const fits = shape.length === first!.shape.length &&
      shape.every((dim, at) => at === axis || dim === first!.shape[at]);
    if (!fits) throw m.mismatch(`concatenation on axis ${axis}`, shape, first!.shape);
  }
  const length = values.map(({ shape }) => shape[axis]!).reduce(addDims);
  return m.op("Concat", values, first!.shape.map((dim, at) => at === axis ? length : dim), { axis });
}

/** Rows `[start, end)` of `axis`; without `end` all from `start` on. */
export function slice(m: Module, x: Value, axis: number, start: number, end?: number): Value {
  const size = x.shape[axis]!;
  const stop = end ?? size;
  const length = typeof stop === "number" ? stop - start : subtractDims(stop, start);
  if (typeof size === "number" && typeof stop === "number" && (start < 0 || stop > size || start > stop)) {
    throw m.mismatch("slice", [start, stop], [0, size]);
  }
  const inputs = [x, m.integers(start), m.integers(typeof stop === "number" ? stop : 2 ** 31 - 1), m.integers(axis)];
  return m.op("Slice", inputs, x.shape.map((dim, at) => at === axis ? length : dim));
}

/** Cuts `axis` into pieces of the given sizes. */
export function split(m: Module, x: Value, axis: number, sizes: readonly number[]): Value[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (x.shape[axis] !== total) throw m.mismatch("split", x.shape[axis], total);
  const pieces = sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.map((dim, at) => at === axis ? size : dim) }));
  return m.graph.nodes(m.path, "Split", [x, m.integers(...sizes)], pieces, { attributes: { axis } });
}

/**
 * What `of` makes of the rows of `x`, in `parts` one after the other, so that less is alive at once; the last part may be
 * smaller. A row must not depend on other rows.
 */
export function inParts(m: Module, parts: number, x: Value, of: (part: Value) => Value): Value {
  if (parts === 1) return of(x);
  const made = evenParts(m, x, parts).map(of);
  return m.op("Concat", made, [x.shape[0]!, ...made[0]!.shape.slice(1)], { axis: 0 });
}

/** Rows in so many pieces (`Split`-18: all of the same size but the last). */
function evenParts(m: Module, x: Value, parts: number): Value[] {
  const [rows, ...rest] = x.shape;
  const sizeOf = (part: number): Dim => {
    if (typeof rows !== "number") return `part ${part} of ${parts} of ${rows}`;
    const size = Math.ceil(rows / parts);
    return part < parts - 1 ? size : rows - (parts - 1) * size;
  };
  const pieces = Array.from({ length: parts }, (_, part) => ({ dtype: x.dtype, shape: [sizeOf(part), ...rest] }));
  return m.graph.nodes(m.path, "Split", [x], pieces, { attributes: { axis: 0, "num_outputs": parts } });
}

/** Picks rows of `table [rows, …]` by `ids` (int64). ONNX picks no 8-bit numbers: such a table is made float32 first. */
export function gather(m: Module, table: Value, ids: Value): Value {
  const rows = table.dtype === "float8e4m3fn" ? castTo(m, table, "float32") : table;
  return m.op("Gather", [rows, ids], [...ids.shape, ...table.shape.slice(1)], { axis: 0 });
}

/** Mean over `axis`, which stays as 1. */
export const reduceMean = (m: Module, x: Value, axis: number): Value =>
  m.op("ReduceMean", [x, m.integers(axis)], x.shape.map((dim, at) => at === axis ? 1 : dim), { keepdims: 1 });

/** Repeats the border values `before` and `after` each axis. */
export function padEdge(m: Module, x: Value, before: readonly number[], after: readonly number[]): Value {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const shape = x.shape.map((dim, at) => addDims(dim, before[at]! + after[at]!));
  return m.op("Pad", [x, m.integers(...before, ...after)], shape, { mode: "edge" });
}

/** Sum of two sizes; named ones give a name such as `text+16`. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  const [name, count] = typeof a === "string" ? [a, b] : [b as string, a];
  if (typeof count === "string") return `${name}+${count}`;
  const [, base = name, known = "0"] = /^(.*?)\+(\d+)$/.exec(name) ?? [];
  return `${base}+${Number(known) + count}`;
}

function subtractDims(name: string, count: number): Dim {
  if (count === 0) return name;
  const [, base, known] = /^(.*?)\+(\d+)$/.exec(name) ?? [];
  if (base === undefined || Number(known) < count) return `${name}-${count}`;
  return Number(known) === count ? base : `${base}+${Number(known) - count}`;
}

function elements(shape: readonly Dim[]): number | undefined {
  return shape.reduce<number | undefined>(
    (size, dim) => size === undefined || typeof dim !== "number" ? undefined : size * dim,
    1,
  );
}

const broadcast = (m: Module, a: Value, b: Value) => broadcastShapes(m, a.shape, b.shape);

/** numpy's rule: aligned at the end, 1 stretches. */
function broadcastShapes(m: Module, a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, at) => {
    const [left, right] = [a[at - rank + a.length] ?? 1, b[at - rank + b.length] ?? 1];
    if (left !== right && left !== 1 && right !== 1) throw m.mismatch("element-wise operator", a, b);
    return left === 1 ? right : left;
  });
}
