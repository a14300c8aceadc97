import { call, getHealth, getSession, listSessions } from "./api.js";
import { pause, retryDelaySeconds } from "./backoff.js";
import { readEvents } from "./event_stream.js";
import { secondsUntilTurn } from "./expected_start.js";
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
  #engineCount = 1;
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
    const work = workOf(this.#sessions, models(), this.#engineCount);
    onList({ count: this.#sessions.length, engine: { isReachable: server === "reached", ...work } });
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
        this.#engineCount = (await getHealth()).engines.length;
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
 * What a session asked for now would find: `{ isBusy, waitSeconds }`, seconds until it would start: 0 when an engine is
 * free, null while nobody knows.
 * @param models for what the waiting ones will take
 */
function workOf(sessions, models, engineCount) {
  // While a file is written, the engine that made it is free.
  const made = sessions.filter(({ state, progress }) => state === "running" && progress.phase !== "recording");
  const waiting = sessions.filter(({ state }) => state === "queued").reverse(); // the list has the newest first
  const busy = made.slice(0, engineCount).map(({ timings }) => timings.remainingSeconds);
  const idle = Array(engineCount - busy.length).fill(0);
  const before = waiting.map((view) => workSeconds(view, models) ?? null);
  return {
    isBusy: made.length + waiting.length >= engineCount,
    waitSeconds: secondsUntilTurn([...busy, ...idle], before),
  };
}
