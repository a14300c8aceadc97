import { watchLive } from "./live_picture.js";
import { choiceOf, playoutsOf } from "./playout.js";
import { interruptedNote, loadingSlate, tooManyNote } from "./session_words.js";
import { hasPictures, titleOf, viewsOffered } from "./words.js";

const playoutsKept = 128;

/** Which picture of a session is up: its start picture, the live picture, or its file. */
export class SessionPicture {
  #stage;
  #playback;
  #onChange;
  /** What `watchLive()` gave, or null. */
  #live = null;
  #viewName = null;
  #session = null;
  /** What the connection itself has told of its picture; empty where it has no channel for that. */
  #playouts = [];
  /** The section last played without a live picture. */
  #fetched = 0;

  /**
   * @param stage a `Stage`
   * @param playback a `Playback`
   * @param onChange after the live picture changed its state
   */
  constructor(stage, playback, onChange) {
    this.#stage = stage;
    this.#playback = playback;
    this.#onChange = onChange;
  }

  /** State of the live picture, see `live_picture.js`; null without one. */
  get live() {
    return this.#live?.state ?? null;
  }

  /** The browser's figures about the connection; null without one. */
  async stats() {
    return await this.#live?.stats() ?? null;
  }

  /** What plays, one of `viewsOffered`; null while something else than the live picture is looked at. */
  get viewName() {
    return this.isLeft ? null : this.#viewName;
  }

  /** True while there is a live picture and something else is looked at. */
  get isLeft() {
    return this.#live !== null && ["still", "sections"].includes(this.#playback.source);
  }

  /** `state` of the session's feed; `trouble` see `session_words.js`. */
  show({ view, playouts }, trouble) {
    this.#session = { view, playouts };
    const isOver = ["completed", "stopped", "failed"].includes(view.state);
    this.#stage.setFormat(view.plan);
    this.#stage.setStart(view.links.image);
    this.#stage.describe(`${isOver ? "Video" : "Live picture"}: ${titleOf(view)}`);
    if (isOver && view.video) this.#playback.useFile({ url: view.links.video, ...view.video });
    else if (isOver && hasPictures(view)) this.#playback.endLive();
    else if (isOver) this.#playback.close();
    if (isOver) this.#endLive();
    else if (hasLivePicture(view) && !this.#live) this.#startLive(viewsOffered(view)[0]);
    else if (trouble?.kind === "blocked" || trouble?.kind === "unsupported") this.#playNewest(view);
    if (this.#playback.source === "none") this.#stage.show("start");
    this.#stage.overlay.setNote(noteFor(trouble));
    this.#stage.overlay.setSlate(isLoading(view) ? loadingSlate(view.progress) : null);
  }

  /** Another view of the live picture, or back to it. */
  choose(name) {
    if (name !== this.#viewName) {
      this.#viewName = name;
      this.#live?.choose(choiceOf(name));
    }
    this.#playback.backToLive();
  }

  close() {
    this.#endLive();
    this.#session = this.#viewName = null;
    this.#fetched = 0;
  }

  #startLive(name) {
    this.#viewName = name;
    let stream = null;
    const url = `${this.#session.view.links.whep}?${new URLSearchParams(choiceOf(name))}`;
    const live = watchLive(url, (state) => {
      if (live !== this.#live) return;
      if (state.stream && state.stream !== stream) {
        stream = state.stream;
        this.#playouts = []; // a server that was started anew counts from another timestamp
        this.#playback.useLive({ stream, playouts: () => this.#ownPlayouts() });
      }
      if (state.state === "live" && this.#fetched > 0) {
        this.#fetched = 0;
        this.#playback.backToLive();
      }
      this.#onChange();
    }, ({ id, event, data }) => {
      // Those with a number are of the session's log, which tells of all choices.
      const isOwn = event === "playout" && id === undefined;
      if (isOwn) this.#playouts = [...this.#playouts, data].slice(-playoutsKept);
    });
    this.#live = live;
  }

  #ownPlayouts() {
    return this.#playouts.length > 0 ? this.#playouts : playoutsOf(this.#session.playouts, choiceOf(this.#viewName));
  }

  #endLive() {
    const live = this.#live;
    this.#live = null;
    this.#playouts = [];
    live?.close();
  }

  /** Without a live picture the newest section is played from its file. */
  #playNewest({ plan, timings }) {
    const newest = timings.sections.length;
    if (newest === this.#fetched) return;
    this.#fetched = newest;
    this.#playback.playRange(plan.sections[newest - 1]);
  }
}

/** Once the first step is made there are previews, unless nobody wanted them. */
function hasLivePicture(view) {
  return hasPictures(view) || (view.settings.previews && view.progress.phase === "sampling");
}

function noteFor(trouble) {
  if (trouble?.kind === "picture") return interruptedNote(trouble.seconds);
  return trouble?.kind === "full" ? tooManyNote(trouble.seconds) : null;
}

function isLoading({ state, progress }) {
  return state === "running" && (progress.phase === "waiting" || progress.phase === "loading");
}
