import { deleteSession, frameUrl, stopSession } from "./api.js";
import { createAnnouncer } from "./announce.js";
import { createDesk } from "./desk.js";
import { nearestDecoded, sectionsInTimelineOrder } from "./frame_map.js";
import { Playback } from "./playback.js";
import { saveAs, saveFrame } from "./save.js";
import { followSession } from "./session_feed.js";
import { SessionPicture } from "./session_picture.js";
import { announcement, recipeText, sessionActions, sessionPill, sessionStatus, troubleOf } from "./session_words.js";
import { createStageHead } from "./stage_head.js";
import { Stage } from "./stage.js";
import { createStatusLine } from "./status_line.js";
import { Timeline } from "./timeline.js";
import { documentTitle, hasPictures, viewsOffered } from "./words.js";

const byId = (id) => document.getElementById(id);
const isOver = ({ state }) => state === "completed" || state === "stopped" || state === "failed";

/**
 * One open session: what the server tells about it, its picture, and everything on the page that speaks of it.
 * Handlers: `onView(view)` after each change · `onLeft(id)` when it was taken out of the queue · `onRefused(id)` when there
 * is no such session · `onAgain(view)` to try a failed one again.
 */
export class SessionPage {
  stage;
  #handlers;
  #head;
  #timeline;
  #playback;
  #picture;
  #status;
  #desk;
  /** Made when it is first asked for. */
  #steerBox = null;
  #announcer = createAnnouncer(byId("polite"), byId("assertive"));
  /** The open session, or null. `picked`: a section that was chosen, or 0. */
  #open = null;

  constructor(planTimeline, handlers) {
    this.#handlers = handlers;
    this.stage = new Stage(byId("stage"), { onLayout: (layout) => this.#head?.showLayout(layout) });
    this.#head = createStageHead(byId("stage-head"), this.stage, () => this.#picture.stats());
    this.#timeline = new Timeline(planTimeline, {
      onToggle: () => this.toggle(),
      onBack: () => this.backToLive(),
      onScrub: (frame) => this.#near(frame, (near) => this.#playback.scrub(near)),
      onGo: (frame) => this.goTo(frame),
      onPick: (section, frame) => this.#pick(section, frame),
      onView: (name) => this.#chooseView(name),
    });
    this.#playback = new Playback(this.stage, {
      onFrame: (frame) => this.#timeline.showFrame(frame),
      onChange: () => this.view && this.#playbackChanged(),
    });
    this.#picture = new SessionPicture(this.stage, this.#playback, () => this.view && this.#show());
    this.#status = createStatusLine(byId("status"), byId("total-line"), {
      onAction: (id) => this.#actions[id](),
      textFor: () => recipeText(this.view),
    });
    this.#desk = createDesk(byId("desk"), {
      onPlay: (range) => this.#playback.playRange(range),
      onSave: () => this.#near(this.#playback.frame, (frame) => saveFrame(this.view.id, frame)),
      onPick: (section) => this.#pickSection(section),
    });
    // Only what counts down to the next try changes without an event.
    setInterval(() => this.view && this.#pageState().trouble?.seconds > 0 && this.#show(), 1000);
  }

  get view() {
    return this.#open?.view ?? null;
  }

  /** Opens a session and follows it until another one is opened. */
  open(id) {
    this.close();
    const feed = followSession(id);
    const open = { id, feed, state: feed.state, view: null, picked: 0, isStopping: false, wantsToBeTold: false };
    this.#open = open;
    for (const part of ["stage-head", "status"]) byId(part).hidden = false;
    feed.subscribe((state) => open === this.#open && this.#update(state));
  }

  /** Nothing is open any more. */
  close() {
    this.#open?.feed.close();
    this.#open = null;
    this.#picture.close();
    this.#playback.close();
    this.#timeline.close();
    this.stage.setFormat(null);
    for (const part of ["stage-head", "status", "desk", "total-line"]) byId(part).hidden = true;
  }

  #update(state) {
    const open = this.#open;
    if (state.connection === "refused" && !state.view) return this.#handlers.onRefused(open.id);
    const before = open.view;
    Object.assign(open, { state, view: state.view });
    if (!state.view) return;
    if (before) this.#speak(before, state.view);
    else {
      const url = (frame, widthPx) => frameUrl(open.id, frame, widthPx);
      this.#timeline.open(url);
      this.#playback.open({
        view: () => this.view,
        frameUrl: url,
        sectionUrl: (section) => this.view.links.sections.replace("{n}", section),
      });
    }
    this.#show();
    this.#handlers.onView(state.view);
  }

  #show() {
    const { view } = this;
    const page = this.#pageState();
    this.#head.show(view, sessionPill(view, page), this.#picture.live !== null);
    this.#steerBox?.show(view);
    this.#status.show(view, sessionStatus(view, page), sessionActions(view, page));
    this.#picture.show(this.#open.state, page.trouble);
    this.#timeline.update(view, this.#section());
    this.#showTransport();
    this.#desk.show(view, this.#section(), this.#timeline.cells);
    document.title = documentTitle(view);
  }

  /** What the page adds to the view: stopping, troubles, what the browser can do. */
  #pageState() {
    const { state, isStopping, wantsToBeTold } = this.#open;
    const trouble = troubleOf(state, this.#picture.live, Date.now());
    const shows = this.#playback.source === "live" ? this.#playback.shows : "frames";
    const canTell = "Notification" in globalThis && Notification.permission !== "denied" && !wantsToBeTold;
    return { isStopping: isStopping && !isOver(this.view), trouble, shows, speed: state.speed, canTell };
  }

  #playbackChanged() {
    this.#head.show(this.view, sessionPill(this.view, this.#pageState()), this.#picture.live !== null);
    this.#showTransport();
  }

  #showTransport() {
    const { view } = this;
    const isMaking = !isOver(view) && this.#picture.live !== null;
    this.#timeline.showPlaying(this.#playback.state);
    this.#timeline.showViews(isMaking && hasPictures(view) ? viewsOffered(view) : [], this.#picture.viewName);
    this.#timeline.showBack(isMaking && this.#picture.isLeft);
  }

  /** The section that was chosen, else the newest finished one. */
  #section() {
    return this.#open.picked || this.view.timings.sections.length;
  }

  #speak(before, after) {
    const words = announcement(before, after);
    if (words && after.state === "failed") this.#announcer.alarm(words);
    else if (words) this.#announcer.say(words);
    if (!this.#open.wantsToBeTold || isOver(before) || !isOver(after) || !document.hidden) return;
    import("./notify.js").then(({ notifyOfEnd }) => notifyOfEnd(after));
  }

  #actions = {
    retry: () => this.#open.feed.retryNow(),
    download: () => saveAs(this.view.links.video, `framecast-${this.view.id}.mp4`),
    again: () => this.#handlers.onAgain(this.view),
    obs: () => location.assign(`obs?session=${this.view.id}`),
    leave: async () => {
      const { id } = this.view;
      this.close();
      await deleteSession(id);
      this.#handlers.onLeft(id);
    },
    steer: async () => {
      const { SteerBox } = await import("./steer_box.js");
      this.#steerBox ??= new SteerBox();
      await this.#steerBox.open(this.view, byId("status").querySelector("[data-action=steer]"));
    },
    stop: async () => {
      this.#open.isStopping = true;
      this.#show();
      await stopSession(this.view.id);
    },
    tell: async () => {
      this.#open.wantsToBeTold = await Notification.requestPermission() === "granted";
      this.#show();
    },
  };

  // Playing and choosing: what the timeline, the desk and the keys ask for.

  toggle() {
    this.#playback.toggle();
  }

  backToLive() {
    this.#playback.backToLive();
  }

  /** Shows a frame, or the nearest one that exists, and stands still. */
  seek(frame) {
    this.#near(frame, (near) => this.#playback.seek(near));
  }

  /** To a frame, or to the nearest one that exists; what was playing plays on from there. */
  goTo(frame) {
    this.#near(frame, (near) => this.#playback.goTo(near));
  }

  #near(frame, act) {
    const near = nearestDecoded(this.view.frameMap, frame);
    if (near !== undefined) act(near);
  }

  step(frames) {
    this.seek(this.#playback.frame + frames);
  }

  /** To the start of the section `by` places further on the timeline. */
  stepSection(by) {
    const sections = sectionsInTimelineOrder(this.view.plan);
    const at = sections.findIndex(({ end }) => this.#playback.frame < end);
    this.seek(sections[Math.min(sections.length - 1, Math.max(0, at + by))].start);
  }

  /** Chooses the section `by` places further in making order. */
  pickNext(by) {
    this.#pickSection(this.#section() + by);
  }

  #pickSection(section) {
    const range = this.view.plan.sections[section - 1];
    if (range) this.#pick(section, range.start);
  }

  #pick(section, frame) {
    this.#open.picked = section;
    this.goTo(frame);
    this.#show();
  }

  /** The view at a place of the switch, from 0. */
  chooseViewAt(index) {
    const name = isOver(this.view) ? undefined : viewsOffered(this.view)[index];
    if (name) this.#chooseView(name);
  }

  #chooseView(name) {
    this.#picture.choose(name);
    this.#show();
  }
}
