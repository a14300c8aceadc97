/**
 * What the OBS page shows when: the life of one session, and the way from one session to the next. Never gives up.
 * @module
 */
import { pause, retryDelaySeconds } from "./backoff.js";
import { latestSessions } from "./latest_sessions.js";
import { watchLive } from "./live_picture.js";
import { followSession } from "./session_feed.js";
import { connecting, finished, nextVideo, noPicture, slateFor } from "./slate.js";
import { hasPictures, viewsOffered } from "./words.js";

const lookForUnknownSeconds = 8;
const noteAfterSeconds = 3;
const slateAfterSeconds = 60;
const never = new AbortController().signal;
const endStates = new Set(["completed", "stopped", "failed"]);

/** Shows one session, and waits for one that is not known yet. */
export async function followOne(scene, id) {
  while (true) {
    const show = new Show(scene, id, { end: scene.options.end ?? "loop", after: null });
    await show.over;
    if (show.isKnown) return; // what it ended with plays on
    show.close();
    await pause(lookForUnknownSeconds, never);
  }
}

/** Goes from one session to the next, with a slate between unless the options say what plays until then. */
export async function followLatest(scene) {
  const end = scene.options.end ?? "once";
  let show = null;
  while (true) {
    const next = await nextSession(show?.id, end, () => scene.picture.hasPicture || scene.message.showSlate(nextVideo));
    show?.close();
    show = new Show(scene, next.id, { end, after: nextVideo });
    await show.over;
  }
}

/**
 * The session that is on now. One that has ended is only for those who want to see it when they come; after it, the next
 * is waited for.
 * @param onNone called while there is none
 */
async function nextSession(current, end, onNone) {
  const showsEnded = current === undefined && (end === "loop" || end === "hold");
  for await (const latest of latestSessions()) {
    if (latest && latest.id !== current && (showsEnded || !endStates.has(latest.state))) return latest;
    onNone();
  }
}

/** One session on the scene. `over` resolves when it has ended and its end is shown, or when it is not known. */
class Show {
  isKnown = false;
  #over = Promise.withResolvers();
  #closed = new AbortController();
  #feed;
  #live = null;
  #stream = null;
  #interruption = null;
  #hasEnded = false;

  /** @param {{ end: string, after: object | null }} manner `after`: the slate when a video that plays once is over */
  constructor(scene, id, { end, after }) {
    Object.assign(this, { scene, id, end, after });
    this.over = this.#over.promise;
    this.#feed = followSession(id);
    this.#feed.subscribe((state) => this.#update(state));
  }

  close() {
    this.#closed.abort();
    this.#feed.close();
    this.#live?.close();
    this.#interruption?.abort();
  }

  #update({ view, connection }) {
    if (connection === "refused") {
      if (!this.scene.picture.hasPicture) this.scene.message.showSlate(this.after ?? noPicture);
      return this.#over.resolve();
    }
    if (!view || this.#hasEnded) return;
    this.isKnown = true;
    if (endStates.has(view.state)) return this.#finish(view);
    if (hasPictures(view)) this.#watch(view);
    if (!this.scene.picture.hasPicture) this.scene.message.showSlate(slateFor(view) ?? connecting);
  }

  #watch(view) {
    if (this.#live) return;
    const offered = viewsOffered(view);
    const name = offered.includes(this.scene.options.view) ? this.scene.options.view : offered[0];
    this.#live = watchLive(`${view.links.whep}?view=${name}`, (live) => this.#liveChanged(live, view.plan));
  }

  #liveChanged({ state, stream }, format) {
    const { picture, message } = this.scene;
    if (stream && stream !== this.#stream) {
      this.#stream = stream;
      picture.playLive(stream, format, () => this.#pictureIsUp());
    }
    if (state === "live") this.#pictureIsUp();
    else if (state === "unsupported" && !picture.hasPicture) message.showSlate(noPicture);
    else if ((state === "interrupted" || state === "blocked") && !this.#interruption) this.#interrupted();
  }

  #pictureIsUp() {
    this.#interruption?.abort();
    this.#interruption = null;
    if (!this.#closed.signal.aborted && this.scene.picture.hasPicture) this.scene.message.showSlate(null);
  }

  /** The last frame stays; words come only when it lasts. */
  async #interrupted() {
    const { signal } = this.#interruption = new AbortController();
    await pause(noteAfterSeconds, signal);
    if (!signal.aborted) this.scene.message.showReconnecting();
    await pause(slateAfterSeconds - noteAfterSeconds, signal);
    if (!signal.aborted) this.scene.message.showSlate(connecting);
  }

  /** The end, as the options want it. The live picture plays on until the file has a picture, or for ever without one. */
  async #finish(view) {
    const { picture, message } = this.scene;
    this.#hasEnded = true;
    if (!view.video || this.end === "slate" || this.end === "none") {
      this.#live?.close();
      picture.clear();
      message.showSlate(this.end === "none" ? null : this.after ?? (view.video ? finished(view.video) : noPicture));
      return this.#over.resolve();
    }
    for (let failures = 1; !this.#closed.signal.aborted; failures++) {
      try {
        await picture.playFile(view.links.video, this.end, view.plan);
        break;
      } catch {
        if (this.#closed.signal.aborted) return;
        this.#watch(view);
        await pause(retryDelaySeconds(failures), this.#closed.signal);
      }
    }
    this.#live?.close();
    this.#interruption?.abort();
    message.showSlate(null);
    if (this.end === "once") picture.onceEnded(() => this.#endOfOnce());
    this.#over.resolve();
  }

  /** The next session may be on already; then its own slate follows. */
  #endOfOnce() {
    this.scene.picture.clear();
    if (!this.#closed.signal.aborted) this.scene.message.showSlate(this.after);
  }
}
