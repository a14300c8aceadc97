/**
 * Where chance comes in: ids and seeds.
 * @module
 */

const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 letters that are not mistaken for one another

/** 12 letters, 60 bits: nobody finds a session by trying. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => alphabet[byte % 32]).join("");
}

/** A seed that people can read aloud: 0 to 2³² − 1. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
