/**
 * Normal random numbers equal to those of `torch.randn` with a CPU generator, so that a seed means the same picture
 * here and in the published code.
 *
 * PyTorch `aten/src/ATen/native/cpu/DistributionTemplates.h` `normal_fill` (16 numbers and more) and
 * `ATen/core/DistributionsHelper.h` `normal_distribution<double>` (fewer). Both are Box–Muller on MT19937.
 * @module
 */
import { mersenneTwister } from "./mersenne_twister.ts";

/** Each call draws the next `count` numbers; consecutive draws equal consecutive `torch.randn` of one generator. */
export type NormalGenerator = (count: number) => Float32Array;

const blockSize = 16;

/** A generator with a seed: any integer; a negative one counts as 2^64 + seed, and only the low 32 bits matter. */
export function torchNormal(seed: number): NormalGenerator {
  const next32 = mersenneTwister(seed);
  // Of each pair of the scalar path the second number waits here, also across draws of blocks.
  let waiting: number | null = null;

  const scalar = () => {
    if (waiting !== null) {
      const value = waiting;
      waiting = null;
      return value;
    }
    const angle = 2 * Math.PI * uniform53(next32);
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53(next32)));
    waiting = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  return (count) => {
    const numbers = new Float32Array(count);
    if (count < blockSize) return numbers.map(scalar);
    for (let i = 0; i < count; i++) numbers[i] = uniform24(next32);
    for (let i = 0; i + blockSize <= count; i += blockSize) normalBlock(numbers.subarray(i, i + blockSize));
    if (count % blockSize !== 0) {
      const last = numbers.subarray(count - blockSize);
      for (let i = 0; i < blockSize; i++) last[i] = uniform24(next32);
      normalBlock(last);
    }
    return numbers;
  };
}

/** 16 uniform numbers become 16 normal ones in place: number j is paired with number j + 8. */
function normalBlock(block: Float32Array): void {
  const half = blockSize / 2;
  for (let j = 0; j < half; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - block[j]!));
    const angle = 2 * Math.PI * block[j + half]!;
    block[j] = radius * Math.cos(angle);
    block[j + half] = radius * Math.sin(angle);
  }
}

/** In [0, 1) with the 24 bits of a float32. */
function uniform24(next32: () => number): number {
  return (next32() & 0xffffff) * 2 ** -24;
}

/** In [0, 1) with 53 bits: the low ones of two words, the first of which is the upper. */
function uniform53(next32: () => number): number {
  const high = next32() & 0x1fffff;
  return (high * 2 ** 32 + next32()) * 2 ** -53;
}
