import { createAnnouncer } from "./announce.js";
import { frameUrl, getSession } from "./api.js";
import { setText } from "./element.js";
import { decodedRanges, fractionMade, growsBackwards } from "./frame_map.js";
import { showPill } from "./pill.js";
import { Playback } from "./playback.js";
import { followSession } from "./session_feed.js";
import { SessionPicture } from "./session_picture.js";
import { announcement, sessionPill } from "./session_words.js";
import { watchLine } from "./watch_words.js";
import { documentTitle, hasPictures, titleOf, viewsOffered } from "./words.js";

const countEveryMs = 10_000; // how many are watching is not an event

const byId = (id) => document.getElementById(id);
const hasEnded = (view) => ["completed", "stopped", "failed"].includes(view.state);
const playsFile = (view) => hasEnded(view) && view.video !== null;

/** One session for those who only watch: no desk, no selection, the file with the browser's own controls. */
export class WatchPage {
  #stage;
  #loadTimeline;
  #playback;
  #picture;
  #announcer = createAnnouncer(byId("polite"), byId("assertive"));
  #timeline = null;
  #feed;
  #state = null;
  #viewers = 0;

  /**
   * Opens a session and follows it as long as the page is there.
   * @param stage a `Stage`
   * @param loadTimeline `(handlers) => Promise of a `Timeline``, called when there is something for it to show
   */
  constructor(id, stage, loadTimeline) {
    this.#stage = stage;
    this.#loadTimeline = loadTimeline;
    this.#playback = new Playback(stage, {
      onFrame: (frame) => this.#timeline?.showFrame(frame),
      onChange: () => this.#view && this.#showTransport(),
    });
    this.#picture = new SessionPicture(stage, this.#playback, () => this.#liveChanged());
    this.#feed = followSession(id);
    this.#feed.subscribe((state) => this.#update(state));
    byId("retry").addEventListener("click", () => this.#feed.retryNow());
    setInterval(() => this.#count(), countEveryMs);
    // Only what counts down to the next try changes without an event.
    setInterval(() => this.#view && this.#trouble()?.seconds > 0 && this.#show(), 1000);
  }

  toggle() {
    if (this.#view) this.#playback.toggle();
  }

  /** The frame itself when it exists, else the nearest one that does. */
  seek(place) {
    if (!this.#view) return;
    const frame = Math.min(place, this.#view.plan.frames - 1);
    const near = decodedRanges(this.#view.frameMap).map(({ start, end }) => Math.min(end - 1, Math.max(start, frame)));
    if (near.length > 0) this.#playback.seek(near.reduce((a, b) => Math.abs(b - frame) < Math.abs(a - frame) ? b : a));
  }

  step(frames) {
    this.seek(this.#playback.frame + frames);
  }

  /** To the start of the section `by` places further on the timeline. */
  stepSection(by) {
    const starts = this.#view?.plan.sections.map(({ start }) => start).sort((a, b) => a - b) ?? [0];
    const at = starts.findLastIndex((start) => start <= this.#playback.frame);
    this.seek(starts[Math.max(0, Math.min(starts.length - 1, at + by))]);
  }

  get #view() {
    return this.#state?.view ?? null;
  }

  #update(state) {
    if (state.connection === "refused" && !state.view) return showGone();
    const before = this.#view;
    this.#state = state;
    if (!state.view) return;
    if (before) this.#speak(before, state.view);
    else this.#begin(state.view);
    this.#show();
  }

  #begin(view) {
    const url = (frame, widthPx) => frameUrl(view.id, frame, widthPx);
    this.#playback.open(view.plan, url);
    this.#viewers = view.viewers;
    if (!playsFile(view)) this.#addTimeline(url);
  }

  async #addTimeline(url) {
    this.#timeline = await this.#loadTimeline({
      onToggle: () => this.toggle(),
      onSeek: (frame) => this.seek(frame),
      onView: (name) => {
        this.#picture.choose(name);
        this.#show();
      },
    });
    this.#timeline.open(url);
    this.#show();
  }

  #speak(before, after) {
    const words = announcement(before, after);
    if (words && after.state === "failed") this.#announcer.alarm(words);
    else if (words) this.#announcer.say(words);
  }

  #liveChanged() {
    if (this.#picture.live?.state === "live") this.#count();
    this.#show();
  }

  #show() {
    const view = this.#view;
    const trouble = this.#trouble();
    const line = watchLine(view, { viewName: this.#picture.viewName ?? viewsOffered(view)[0], trouble });
    showPill(byId("pill"), sessionPill(view, { isStopping: false, trouble }));
    byId("pill").hidden = false;
    setText(byId("title"), titleOf(view));
    setText(byId("bold"), line.bold);
    setText(byId("plain"), line.plain);
    byId("retry").hidden = trouble?.kind !== "server";
    document.title = documentTitle(view);
    this.#showViewers();
    showTotal(view);
    this.#picture.show(this.#state, trouble);
    this.#stage.video.controls = playsFile(view);
    showDownload(view);
    byId("timeline").hidden = !this.#timeline || playsFile(view);
    if (!byId("timeline").hidden) this.#timeline.update(view);
    this.#showTransport();
  }

  #showTransport() {
    if (!this.#timeline) return;
    const view = this.#view;
    this.#timeline.showPlaying(this.#playback.state);
    const offered = hasEnded(view) || !hasPictures(view) ? [] : viewsOffered(view);
    this.#timeline.showViews(offered.length > 1 ? offered : [], this.#picture.viewName);
  }

  #showViewers() {
    byId("viewers").hidden = hasEnded(this.#view) || this.#viewers === 0;
    setText(byId("viewers-text"), `${this.#viewers} watching`);
  }

  async #count() {
    if (document.hidden || !this.#view || hasEnded(this.#view)) return;
    const view = await getSession(this.#view.id).catch(() => null);
    if (!view) return; // the line under the picture tells when the server is away
    this.#viewers = view.viewers;
    this.#showViewers();
  }

  /** What is wrong with the page, not with the video: `{ kind, seconds }` as `session_words.js` has it, or null. */
  #trouble() {
    const secondsTo = (ms) => Math.max(0, (ms - Date.now()) / 1000);
    const { connection, retryAtMs } = this.#state;
    if (connection === "interrupted") return { kind: "server", seconds: secondsTo(retryAtMs) };
    const live = this.#picture.live;
    if (live?.state === "interrupted") return { kind: "picture", seconds: secondsTo(live.retryAtMs) };
    return live?.state === "blocked" || live?.state === "unsupported" ? { kind: live.state, seconds: 0 } : null;
  }
}

function showDownload(view) {
  byId("download").hidden = !playsFile(view);
  byId("download").href = view.links.video;
}

function showTotal(view) {
  const line = byId("total-line");
  line.hidden = view.state !== "running";
  line.dataset.from = growsBackwards(view.plan) ? "end" : "start";
  line.firstElementChild.style.width = `${100 * fractionMade(view.progress)}%`;
}

function showGone() {
  byId("gone").hidden = false;
  document.title = "There is no such video · framecast";
  document.querySelector(".under-picture").hidden = true;
  byId("copy-link").hidden = true;
}
