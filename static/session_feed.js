/**
 * One session as the server tells it: its view, kept up to date by its events, as one state object that is replaced at
 * each change. Goes on by itself after an interruption, from the last event it has seen.
 * @module
 */
import { call, getSession, Problem, sessionPath } from "./api.js";
import { pause, retryDelaySeconds, spread } from "./backoff.js";
import { readEvents } from "./event_stream.js";
import { onWake } from "./wake.js";

/**
 * @typedef {object} FeedState
 * @property {object | null} view the session's view, null until the first answer
 * @property {"connecting" | "open" | "interrupted" | "ended" | "refused"} connection "ended": the session is over and
 *   so is its log; "refused": the server answered that there is no such session, or none for this reader
 * @property {Problem | null} problem why the connection is interrupted or refused
 * @property {number | null} retryAtMs `Date.now()` of the next try while interrupted
 * @property {import("./playout.js").Playout[]} playouts the newest, oldest first
 * @property {"steady" | "slower"} speed "slower": the remaining time grew by more than a quarter within a section
 * @property {number | null} lowestRemainingSeconds of the section in work
 */

const playoutsKept = 128;
const silenceMs = 20_000; // after so long without a byte, a connection is not trusted: a comment comes every 10 s
const endStates = new Set(["completed", "stopped", "failed"]);

export const emptyState = Object.freeze({
  view: null,
  connection: "connecting",
  problem: null,
  retryAtMs: null,
  playouts: [],
  speed: "steady",
  lowestRemainingSeconds: null,
});

/**
 * Follows a session until `close()`.
 * @returns {{ state: FeedState, subscribe(listener: (state: FeedState) => void): () => void, retryNow(): void, close(): void }}
 */
export function followSession(id) {
  const feed = new SessionFeed(id);
  feed.run();
  return feed;
}

class SessionFeed {
  state = emptyState;
  #id;
  #listeners = new Set();
  #closed = new AbortController();
  #wake = new AbortController();
  #lastEventId = "";
  #lastByteMs = 0;
  #failures = 0;

  constructor(id) {
    this.#id = id;
    const { signal } = this.#closed;
    onWake((reason) => (reason !== "shown" || this.#isSilent()) && this.retryNow(), signal);
    const watchdog = setInterval(() => this.state.connection === "open" && this.#isSilent() && this.retryNow(), 5000);
    signal.addEventListener("abort", () => clearInterval(watchdog), { once: true });
  }

  /** Calls back at every change, and once at once when there is a view. @returns what ends it */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.state.view || this.state.problem) listener(this.state);
    return () => this.#listeners.delete(listener);
  }

  /** Does not wait for the next try; an open connection is made anew. */
  retryNow() {
    this.#wake.abort();
  }

  close() {
    this.#listeners.clear();
    this.#closed.abort();
    this.#wake.abort();
  }

  async run() {
    while (!this.#closed.signal.aborted) {
      this.#wake = new AbortController();
      try {
        // Each time, because a server that died may have lost the last events, but not the state it came back with.
        this.#publish({ view: await getSession(this.#id, this.#wake.signal) });
        await this.#read();
        if (endStates.has(this.state.view.state)) return this.#publish({ connection: "ended" });
        throw new Problem({ status: 0, detail: "The server closed the connection" });
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        if (this.#wake.signal.aborted) continue;
        if (!(error instanceof Problem) && !(error instanceof TypeError) && error.name !== "NetworkError") throw error;
        if (isRefusal(error)) return this.#publish({ connection: "refused", problem: error });
        await this.#waitAfter(error);
      }
    }
  }

  /** True when nothing was heard for so long that a connection is dead, though nobody has closed it. */
  #isSilent() {
    return Date.now() - this.#lastByteMs > silenceMs;
  }

  async #read() {
    const headers = { accept: "text/event-stream" };
    if (this.#lastEventId) headers["last-event-id"] = this.#lastEventId;
    const response = await call(`${sessionPath(this.#id)}/events`, {
      headers,
      cache: "no-store",
      signal: this.#wake.signal,
    });
    this.#failures = 0;
    this.#lastByteMs = Date.now();
    this.#publish({ connection: "open", problem: null, retryAtMs: null });
    if (response.status === 204) return; // it has ended and everything is told
    // A log read from its start tells the past first: nothing is shown until it has caught up with what is known.
    const known = this.state.view;
    let folded = this.state;
    let hasCaughtUp = this.#lastEventId !== "";
    for await (const events of readEvents(response.body)) {
      this.#lastByteMs = Date.now();
      for (const { id, event, data } of events) {
        if (id) this.#lastEventId = id;
        folded = foldEvent(folded, event, data);
      }
      hasCaughtUp ||= !isBehind(folded.view, known);
      if (events.length > 0 && hasCaughtUp) this.#publish(folded);
    }
  }

  async #waitAfter(problem) {
    this.#failures++;
    const seconds = spread(retryDelaySeconds(this.#failures));
    this.#publish({ connection: "interrupted", problem, retryAtMs: Date.now() + seconds * 1000 });
    await pause(seconds, this.#wake.signal);
  }

  #publish(change) {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener(this.state);
  }
}

/** A refusal that trying again does not change. */
function isRefusal(error) {
  return [400, 401, 403, 404, 410].includes(error.status);
}

/** The state after one event of the log. */
export function foldEvent(state, event, data) {
  switch (event) {
    case "state":
      return withSpeed({ ...state, view: data });
    case "progress":
      return withSpeed({ ...state, view: { ...state.view, ...data } }, state);
    case "frameMap":
      return { ...state, view: { ...state.view, frameMap: data.frameMap } };
    case "problem":
      return { ...state, view: { ...state.view, problem: data } };
    case "playout":
      return { ...state, playouts: [...state.playouts, data].slice(-playoutsKept) };
    default:
      return state; // an event of a later version
  }
}

function withSpeed(next, before) {
  const { progress, timings } = next.view;
  const seconds = timings.remainingSeconds;
  if (seconds === null || timings.remainingIsGuess || progress.section !== before?.view?.progress.section) {
    return { ...next, speed: "steady", lowestRemainingSeconds: seconds };
  }
  const lowest = Math.min(seconds, before.lowestRemainingSeconds ?? seconds);
  return { ...next, speed: seconds > lowest * 1.25 + 1 ? "slower" : "steady", lowestRemainingSeconds: lowest };
}

/** True while a replayed view is older than one that is known. A session that lost its engine waits with its sections. */
export function isBehind(replayed, known) {
  const place = ({ state, progress: { section, step, phase } }) => [
    ["queued", "running"].includes(state) ? 0 : 1,
    section,
    phase === "decoding" || phase === "recording" ? Infinity : step,
    state === "queued" ? 0 : 1,
  ];
  const [a, b] = [place(replayed), place(known)];
  const differs = a.findIndex((value, index) => value !== b[index]);
  return differs >= 0 && a[differs] < b[differs];
}
