/** Timers of a sleeping computer stand still: a later beat than this means that it slept. */
const beatMs = 5000;
const sleptMs = 15_000;

/**
 * Tells that connections may be dead though nothing was heard of it.
 * @param {(reason: "shown" | "slept" | "online") => void} listener "shown": the page can be seen again, after a short or a
 *   long time; "slept": the computer slept, or the page was kept in the back; "online": the network is another one
 * @param {AbortSignal} signal ends it
 */
export function onWake(listener, signal) {
  addEventListener("online", () => listener("online"), { signal });
  addEventListener("pageshow", ({ persisted }) => persisted && listener("slept"), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || listener("shown"), { signal });
  let beatAtMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    if (nowMs - beatAtMs > sleptMs && !document.hidden) listener("slept");
    beatAtMs = nowMs;
  }, beatMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
