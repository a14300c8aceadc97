import { createAnnouncer } from "./announce.js";
import { frameUrl, getSession } from "./api.js";
import { setText } from "./element.js";
import { fractionMade, growsBackwards, nearestDecoded } from "./frame_map.js";
import { addLinePanel } from "./line_button.js";
import { showPill } from "./pill.js";
import { Playback } from "./playback.js";
import { followSession } from "./session_feed.js";
import { SessionPicture } from "./session_picture.js";
import { announcement, sessionPill, troubleOf } from "./session_words.js";
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
  #showHasLine;

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
      onChange: () => this.#view && this.#playbackChanged(),
    });
    this.#picture = new SessionPicture(stage, this.#playback, () => this.#liveChanged());
    this.#feed = followSession(id);
    this.#feed.subscribe((state) => this.#update(state));
    this.#showHasLine = addLinePanel(byId("pill"), { stats: () => this.#picture.stats(), view: () => this.#view });
    byId("retry").addEventListener("click", () => this.#feed.retryNow());
    setInterval(() => this.#count(), countEveryMs);
    // Only what counts down to the next try changes without an event.
    setInterval(() => this.#view && this.#trouble()?.seconds > 0 && this.#show(), 1000);
  }

  toggle() {
    if (this.#view) this.#playback.toggle();
  }

  backToLive() {
    this.#playback.backToLive();
  }

  /** The view at a place of the switch, from 0. */
  chooseViewAt(index) {
    const name = this.#offered()[index];
    if (name) this.#chooseView(name);
  }

  /** Shows a frame, or the nearest one that exists, and stands still. */
  seek(frame) {
    this.#near(frame, (near) => this.#playback.seek(near));
  }

  #near(frame, act) {
    if (!this.#view) return;
    const near = nearestDecoded(this.#view.frameMap, Math.min(frame, this.#view.plan.frames - 1));
    if (near !== undefined) act(near);
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
    this.#playback.open({
      view: () => this.#view,
      frameUrl: url,
      sectionUrl: (section) => this.#view.links.sections.replace("{n}", section),
    });
    this.#viewers = view.viewers;
    if (!playsFile(view)) this.#addTimeline(url);
  }

  async #addTimeline(url) {
    this.#timeline = await this.#loadTimeline({
      onToggle: () => this.toggle(),
      onBack: () => this.backToLive(),
      onScrub: (frame) => this.#near(frame, (near) => this.#playback.scrub(near)),
      onGo: (frame) => this.#near(frame, (near) => this.#playback.goTo(near)),
      onView: (name) => this.#chooseView(name),
    });
    this.#timeline.open(url);
    this.#show();
  }

  #speak(before, after) {
    const words = announcement(before, after);
    if (words && after.state === "failed") this.#announcer.alarm(words);
    else if (words) this.#announcer.say(words);
  }

  #playbackChanged() {
    this.#showPill();
    this.#showLine();
    this.#showTransport();
  }

  #liveChanged() {
    if (this.#picture.live?.state === "live") this.#count();
    this.#show();
  }

  #show() {
    const view = this.#view;
    const trouble = this.#trouble();
    this.#showLine();
    this.#showPill();
    setText(byId("title"), titleOf(view));
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

  #showLine() {
    const viewName = this.#picture.isLeft ? null : this.#picture.viewName ?? viewsOffered(this.#view)[0];
    const { bold, plain } = watchLine(this.#view, { viewName, trouble: this.#trouble() });
    setText(byId("bold"), bold);
    setText(byId("plain"), plain);
  }

  #showPill() {
    const shows = this.#playback.source === "live" ? this.#playback.shows : "frames";
    showPill(byId("pill"), sessionPill(this.#view, { isStopping: false, trouble: this.#trouble(), shows }));
    byId("pill").hidden = false;
    this.#showHasLine(this.#picture.live !== null);
  }

  #showTransport() {
    if (!this.#timeline) return;
    this.#timeline.showPlaying(this.#playback.state);
    this.#timeline.showViews(this.#offered(), this.#picture.viewName);
    this.#timeline.showBack(this.#picture.isLeft);
  }

  /** The views to choose from; none without a live picture of something. */
  #offered() {
    const view = this.#view;
    return view && !hasEnded(view) && hasPictures(view) && this.#picture.live ? viewsOffered(view) : [];
  }

  #chooseView(name) {
    this.#picture.choose(name);
    this.#show();
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
    return troubleOf(this.#state, this.#picture.live, Date.now());
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
