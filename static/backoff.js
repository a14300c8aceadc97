/**
 * Trying again, on all pages alike: after 0.5, 1, 2, 4, then every 8 seconds.
 * @module
 */

/** Seconds before a try; `failures` counts those since the last success, from 1. */
export function retryDelaySeconds(failures) {
  return Math.min(8, 0.5 * 2 ** (failures - 1));
}

/** Seconds up to a fifth more or less, so that the viewers of a server that was away do not all come back at once. */
export function spread(seconds, random = Math.random()) {
  return 0.8 * seconds + 0.4 * seconds * random;
}

/** Waits, but not longer than until `wake` is aborted. Never throws. */
export function pause(seconds, wake) {
  return new Promise((resolve) => {
    if (wake.aborted) return resolve();
    const timer = setTimeout(resolve, seconds * 1000);
    wake.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
