/** Least time between two things said politely. */
const quietMs = 10_000;

/**
 * Speaks to screen readers through two live regions. Polite words wait for ten seconds of silence, and the newest replaces
 * what waits; a failure is said at once.
 */
export function createAnnouncer(polite, assertive) {
  let saidAt = -quietMs;
  let waiting = 0;
  const speak = (words) => {
    saidAt = performance.now();
    polite.textContent = words;
  };
  return {
    say(words) {
      clearTimeout(waiting);
      const restMs = saidAt + quietMs - performance.now();
      if (restMs <= 0) speak(words);
      else waiting = setTimeout(() => speak(words), restMs);
    },
    alarm(words) {
      assertive.textContent = words;
    },
  };
}
