import { playoutsOf, watchLive } from "./live_picture.js";
import { interruptedNote } from "./session_words.js";
import { hasPictures, titleOf, viewsOffered } from "./words.js";

/** Which picture of a session is up: its start picture, the live picture, or its file. */
export class SessionPicture {
  #stage;
  #playback;
  #onChange;
  /** What `watchLive()` gave, or null. */
  #live = null;
  #viewName = null;
  #session = null;
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

  /** What plays, one of `viewsOffered`; null while single frames are shown. */
  get viewName() {
    return this.#playback.source === "stills" ? null : this.#viewName;
  }

  /** `state` of the session's feed; `trouble` see `session_words.js`. */
  show({ view, playouts }, trouble) {
    this.#session = { view, playouts };
    const isOver = ["completed", "stopped", "failed"].includes(view.state);
    this.#stage.setFormat(view.plan);
    this.#stage.setStart(view.links.image);
    this.#stage.describe(`${isOver ? "Video" : "Live picture"}: ${titleOf(view)}`);
    if (isOver && view.video) this.#playback.useFile({ url: view.links.video, ...view.video });
    if (isOver) this.#endLive();
    else if (hasPictures(view) && !this.#live) this.#startLive(viewsOffered(view)[0]);
    else if (trouble?.kind === "blocked" || trouble?.kind === "unsupported") this.#playNewest(view);
    if (!hasPictures(view) || this.#playback.source === "none") this.#stage.show("start");
    this.#stage.overlay.setNote(trouble?.kind === "picture" ? interruptedNote(trouble.seconds) : null);
    this.#stage.overlay.setSlate(isLoading(view) ? loadingSlate(view.progress) : null);
  }

  /** Back to the live picture, or to another view of it. */
  choose(name) {
    if (name === this.#viewName && this.#live) this.#playback.backToLive();
    else this.#startLive(name);
  }

  close() {
    this.#endLive();
    this.#session = this.#viewName = null;
    this.#fetched = 0;
  }

  #startLive(name) {
    this.#stage.freeze();
    this.#endLive();
    this.#viewName = name;
    let stream = null;
    const live = watchLive(`${this.#session.view.links.whep}?view=${name}`, (state) => {
      if (live !== this.#live) return;
      if (state.stream && state.stream !== stream) {
        stream = state.stream;
        const playouts = () => playoutsOf(this.#session.playouts, name, live.state.codec);
        this.#playback.useLive({ stream, playouts });
      }
      if (state.state === "live" && this.#fetched > 0) {
        this.#fetched = 0;
        this.#playback.backToLive();
      }
      this.#onChange();
    });
    this.#live = live;
  }

  #endLive() {
    const live = this.#live;
    this.#live = null;
    live?.close();
  }

  /** Without a live picture the newest section is fetched frame by frame. */
  #playNewest({ plan, timings }) {
    const newest = timings.sections.length;
    if (newest === this.#fetched) return;
    this.#fetched = newest;
    this.#playback.playRange(plan.sections[newest - 1]);
  }
}

function isLoading({ state, progress }) {
  return state === "running" && (progress.phase === "waiting" || progress.phase === "loading");
}

function loadingSlate({ loading }) {
  const line = [loading, "It stays loaded, so the next video starts at once."].filter(Boolean).join(" ");
  return { title: "Loading the model", line, fraction: null };
}
