import { listSessions } from "./api.js";
import { workSeconds } from "./sessions.js";

/** How often the list is looked at while the page is visible; sessions of others tell nothing to this page. */
const lookEveryMs = 5000;

/**
 * Keeps the list of all sessions up to date while the page is visible.
 * @param onChange `(sessions | null)`; null while the server cannot be reached
 * @returns `{ look() }` asks at once
 */
export function followSessions(onChange) {
  let timer = 0;
  let asked = 0;

  async function look() {
    clearTimeout(timer);
    const mine = ++asked;
    const sessions = await listSessions().catch(() => null);
    if (mine !== asked) return;
    onChange(sessions);
    if (!document.hidden) timer = setTimeout(look, lookEveryMs);
  }

  document.addEventListener("visibilitychange", () => !document.hidden && look());
  return { look };
}

/**
 * Seconds until a session asked for now would start: 0 when the engine is free, null while nobody knows.
 * @param models for what the waiting ones will take
 */
export function waitSeconds(sessions, models) {
  let seconds = 0;
  for (const view of sessions) {
    if (view.state === "running" && view.timings.remainingSeconds === null) return null;
    if (view.state === "running") seconds += view.timings.remainingSeconds;
    if (view.state !== "queued") continue;
    const work = workSeconds(view, models);
    if (work === undefined) return null;
    seconds += work;
  }
  return seconds;
}
