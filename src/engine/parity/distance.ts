/** @module */

/** How far `a` is from `b`: the measures that golden cases record. */
export interface Distance {
  readonly ["max_abs"]: number;
  readonly ["mean_abs"]: number;
  /** ‖a − b‖ / ‖b‖ */
  readonly ["rel_l2"]: number;
  readonly cosine: number;
  /** Unbiased. */
  readonly ["reference_std"]: number;
  readonly ["reference_max_abs"]: number;
}

export function distanceBetween(a: ArrayLike<number>, b: ArrayLike<number>): Distance {
  let [max, sum, squares, product, sizeA, sizeB, total, largest] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    const difference = Math.abs(x - y);
    max = Math.max(max, difference);
    sum += difference;
    squares += difference ** 2;
    product += x * y;
    sizeA += x ** 2;
    sizeB += y ** 2;
    total += y;
    largest = Math.max(largest, Math.abs(y));
  }
  const count = b.length;
  return {
    "max_abs": max,
    "mean_abs": sum / count,
    "rel_l2": Math.sqrt(squares / sizeB),
    cosine: product / Math.sqrt(sizeA * sizeB),
    "reference_std": Math.sqrt((sizeB - total ** 2 / count) / (count - 1)),
    "reference_max_abs": largest,
  };
}
