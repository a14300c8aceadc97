/**
 * The list of all sessions, kept up to date while the page is visible.
 * @module
 */
import { call, getSession, listSessions } from "./api.js";
import { pause, retryDelaySeconds } from "./backoff.js";
import { readEvents } from "./event_stream.js";
import { workSeconds } from "./sessions.js";

/** How often a session that runs and is not open is looked at: the feed tells of states, not of steps. */
const lookEveryMs = 5000;

/**
 * Follows the feed of all sessions. A hidden page does not: a browser has six connections to a server for all its pages.
 * @param openId `() => id` of the open session, which tells its own news
 * @param onChange `(sessions | null)`; null while the server cannot be reached
 * @returns `{ look() }` reads the list at once
 */
export function followSessions(openId, onChange) {
  let sessions = [];
  let asked = 0;
  let wake = new AbortController();

  async function look() {
    const mine = ++asked;
    const next = await listSessions().catch(() => null);
    if (mine !== asked) return;
    sessions = next ?? sessions;
    onChange(next);
  }

  async function follow() {
    let failures = 0;
    while (true) {
      wake = new AbortController();
      if (document.hidden) await untilAborted(wake.signal);
      wake = new AbortController();
      try {
        const response = await call("/api/events", {
          headers: { accept: "text/event-stream" },
          cache: "no-store",
          signal: wake.signal,
        });
        failures = 0;
        for await (const events of readEvents(response.body)) if (events.length > 0) await look();
      } catch {
        // The server is away, or the page was hidden.
      }
      if (wake.signal.aborted) continue;
      onChange(null);
      await pause(retryDelaySeconds(++failures), wake.signal);
    }
  }

  async function lookAtRunning() {
    if (document.hidden) return;
    const running = sessions.filter(({ id, state }) => state === "running" && id !== openId());
    const views = await Promise.all(running.map(({ id }) => getSession(id).catch(() => null)));
    const news = new Map(views.filter(Boolean).map((view) => [view.id, view]));
    if (news.size === 0) return;
    sessions = sessions.map((each) => news.get(each.id) ?? each);
    onChange(sessions);
  }

  document.addEventListener("visibilitychange", () => wake.abort());
  setInterval(lookAtRunning, lookEveryMs);
  follow();
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

function untilAborted(signal) {
  return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
