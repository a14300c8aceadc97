/**
 * The natural logarithm in float32, every operation rounded.
 *
 * Cephes `logf` (S. L. Moshier, single precision): log(2^e · m) with √½ ≤ m < √2 as a polynomial in x = m − 1.
 * @module
 */

/** Of x³, x⁴, … highest first. */
const coefficients = Float32Array.of(
  7.0376836292e-2,
  -1.1514610310e-1,
  1.1676998740e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
);

/** ln 2 in two parts: the upper one times a small whole number is exact. */
const ln2Upper = 0.693359375;
const ln2Lower = Math.fround(-2.12194440e-4);

const { fround } = Math;

/**
 * ln of a positive float32, within one unit in the last place. The nearest float32 would be no better here: what counts
 * is to round as PyTorch does (with MKL, closed), and of 3,914 sigmas 159 come out different this way, 243 the other way.
 */
export function float32Log(value: number): number {
  let exponent = Math.floor(Math.log2(value)) + 1;
  let mantissa = value * 2 ** -exponent;
  if (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const x = mantissa - 1;
  const square = fround(x * x);
  let y = coefficients.reduce((sum, coefficient) => fround(sum * x + coefficient), 0);
  y = fround(fround(y * x) * square);
  y = fround(exponent * ln2Lower + y);
  y = fround(y - square / 2);
  return fround(exponent * ln2Upper + fround(x + y));
}
