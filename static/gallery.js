import { call, getSession, listSessions } from "./api.js";
import { pause, retryDelaySeconds } from "./backoff.js";
import { readEvents } from "./event_stream.js";
import { createSessions, workSeconds } from "./sessions.js";

/** How often a session that runs and is not open is looked at: the feed tells of states, not of steps. */
const lookEveryMs = 5000;

/**
 * All sessions of the server, shown and kept up to date while the page is visible. A hidden page does not follow them: a
 * browser has six connections to a server for all its pages.
 *
 * Handlers: `onOpen(id)` · `onForget(id)` · `onUseAgain(view)` · `onChange()` after a session began or ended ·
 * `onList({ count, engine })` after each change, `engine` as the form wants it · `openId()` · `models()`.
 */
export class Gallery {
  #handlers;
  #list;
  #sessions = [];
  #server = "reached";
  #asked = 0;
  #wake = new AbortController();

  constructor(root, handlers) {
    this.#handlers = handlers;
    const { onOpen, onForget, onUseAgain } = handlers;
    this.#list = createSessions(root, { onOpen, onLeave: onForget, onDelete: onForget, onUseAgain });
    document.addEventListener("visibilitychange", () => this.#wake.abort());
    setInterval(() => this.#lookAtRunning(), lookEveryMs);
    this.#follow();
  }

  /** Reads the whole list. */
  async look() {
    const mine = ++this.#asked;
    const next = await listSessions().catch(() => null);
    if (mine !== this.#asked) return;
    if (next === null) return this.#show("lost");
    const stateOf = (sessions) => sessions.map(({ id, state }) => `${id} ${state}`).sort().join();
    const isOther = stateOf(next) !== stateOf(this.#sessions);
    this.#sessions = next;
    this.#show("reached");
    if (isOther) this.#handlers.onChange();
  }

  /** The open session tells its own news. */
  put(view) {
    const before = this.#sessions.find(({ id }) => id === view.id);
    if (before?.state !== view.state) return this.look();
    this.#sessions = this.#sessions.map((each) => each.id === view.id ? view : each);
    this.#show("reached");
  }

  #show(server) {
    this.#server = server;
    const { openId, models, onList } = this.#handlers;
    this.#list.update({ sessions: this.#sessions, openId: openId(), models: models() });
    const isBusy = this.#sessions.some(({ state }) => state === "running" || state === "queued");
    const engine = { isReachable: server === "reached", isBusy, waitSeconds: waitSeconds(this.#sessions, models()) };
    onList({ count: this.#sessions.length, engine });
  }

  async #follow() {
    let failures = 0;
    while (true) {
      this.#wake = new AbortController();
      const { signal } = this.#wake;
      if (document.hidden) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        continue;
      }
      try {
        const response = await call("api/events", {
          headers: { accept: "text/event-stream" },
          cache: "no-store",
          signal,
        });
        failures = 0;
        for await (const events of readEvents(response.body)) if (events.length > 0) await this.look();
      } catch {
        // The server is away, or the page was hidden.
      }
      if (signal.aborted) continue;
      this.#show("lost");
      await pause(retryDelaySeconds(++failures), signal);
    }
  }

  async #lookAtRunning() {
    if (document.hidden || this.#server === "lost") return;
    const running = this.#sessions.filter(({ id, state }) => state === "running" && id !== this.#handlers.openId());
    const views = await Promise.all(running.map(({ id }) => getSession(id).catch(() => null)));
    for (const view of views) if (view) this.put(view);
  }
}

/**
 * Seconds until a session asked for now would start: 0 when the engine is free, null while nobody knows.
 * @param models for what the waiting ones will take
 */
function waitSeconds(sessions, models) {
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
