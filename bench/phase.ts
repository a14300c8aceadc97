/** @module */

/** From one key frame of a live picture to the next. */
const rowMs = 2000;

/**
 * Waits for a moment between two key frames. The row of key frames has a phase of its own that nobody here knows, so
 * even steps from 0 to 1 cover all of it.
 */
export async function untilPhase(share: number): Promise<void> {
  const nowMs = performance.now() % rowMs;
  await new Promise((resolve) => setTimeout(resolve, (share * rowMs - nowMs + rowMs) % rowMs));
}
