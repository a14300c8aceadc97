/**
 * MT19937, the generator behind PyTorch's CPU random numbers.
 *
 * Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number
 * generator", ACM TOMACS 8 (1998); seeding is `init_genrand` of their 2002 code.
 * @module
 */

const stateWords = 624;
const middleWord = 397;

/** Each call gives the next 32-bit number. Of the seed, any integer, the low 32 bits in two's complement count. */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(stateWords);
  state[0] = seed; // The typed array takes it modulo 2^32, exactly for every safe integer.
  for (let i = 1; i < stateWords; i++) {
    const previous = state[i - 1]!;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
  let next = stateWords;
  return () => {
    if (next === stateWords) {
      twist(state);
      next = 0;
    }
    return temper(state[next++]!);
  };
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < stateWords; i++) {
    const mixed = (state[i]! & 0x80000000) | (state[(i + 1) % stateWords]! & 0x7fffffff);
    const matrix = (mixed & 1) === 0 ? 0 : 0x9908b0df;
    state[i] = state[(i + middleWord) % stateWords]! ^ (mixed >>> 1) ^ matrix;
  }
}

function temper(word: number): number {
  word ^= word >>> 11;
  word ^= (word << 7) & 0x9d2c5680;
  word ^= (word << 15) & 0xefc60000;
  return (word ^ (word >>> 18)) >>> 0;
}
