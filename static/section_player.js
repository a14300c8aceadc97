import { element } from "./element.js";
import { isDecoded, sectionAt, sectionState } from "./frame_map.js";
import { watchFrames } from "./watch_frames.js";

const attributes = { class: "layer", playsinline: true, preload: "auto", "aria-label": "Finished part of the video" };

/**
 * Plays finished sections of a video that is still being made, each from its own file, one after the other in timeline
 * order. Two `<video>`s take turns: while one plays a section, the other loads the next.
 */
export class SectionPlayer {
  #stage;
  #handlers;
  #turns = [element("video", attributes), element("video", attributes)];
  /** By `<video>`: the section it holds, and the state that section was loaded in. */
  #loaded = new Map();
  /** What plays: `{ start, end, frameRate, manner }`, its section's range and `"once"` or `"loops"`; null when nothing does. */
  #now = null;

  /**
   * @param stage a `Stage`
   * @param handlers `view()` the session's view · `url(section)` of a section's file · `onFrame(frame)` ·
   *   `onState("playing" | "paused")`
   */
  constructor(stage, handlers) {
    this.#stage = stage;
    this.#handlers = handlers;
    for (const video of this.#turns) {
      video.muted = true;
      stage.addLayer(video);
      watchFrames(video, ({ mediaTime }) => this.#shown(video, mediaTime));
      video.addEventListener("ended", () => video === this.#up && this.#now && this.#next());
      video.addEventListener("playing", () => video === this.#up && handlers.onState("playing"));
    }
  }

  /** Whether the section of this frame can be played as a whole. */
  static canPlay(view, frame) {
    const section = sectionAt(view.plan, frame);
    return section > 0 && isDecoded(sectionState(view, section));
  }

  /** Plays from a frame on, as far as there are finished sections. */
  playFrom(frame) {
    this.#play(sectionAt(this.#handlers.view().plan, frame), frame, "once");
  }

  /** Plays one section again and again. */
  playSection(section) {
    this.#play(section, this.#handlers.view().plan.sections[section - 1].start, "loops");
  }

  pause() {
    for (const video of this.#turns) video.pause();
    this.#now = null;
    this.#handlers.onState("paused");
  }

  /** Nothing is loaded any more; another session may follow. */
  close() {
    for (const video of this.#turns) {
      video.removeAttribute("src");
      video.load();
    }
    this.#loaded.clear();
    this.#now = null;
  }

  /** The `<video>` whose turn it is. */
  get #up() {
    return this.#turns[0];
  }

  #play(section, frame, manner) {
    const holder = this.#turns.find((video) => this.#isLoaded(video, section));
    if (holder && holder !== this.#up) this.#turns.reverse();
    this.#up.loop = manner === "loops";
    this.#load(this.#up, section);
    this.#start(section, frame, manner);
  }

  #start(section, frame, manner) {
    const { plan } = this.#handlers.view();
    const { start, end } = plan.sections[section - 1];
    this.#now = { start, end, frameRate: plan.frameRate, manner };
    this.#turns[1].pause();
    // The middle of a frame, so that rounding never lands on its neighbour.
    const seconds = frame === start ? 0 : (frame - start + 0.5) / plan.frameRate;
    if (this.#up.currentTime !== seconds) this.#up.currentTime = seconds;
    this.#up.play().catch(() => {}); // another place was chosen, or the file has gone
    this.#handlers.onFrame(frame);
  }

  /** A picture is up: which frame is it, and is the next section there already? */
  #shown(video, mediaTime) {
    if (video !== this.#up || !this.#now) return;
    this.#stage.showLayer(video);
    const { start, end, frameRate, manner } = this.#now;
    this.#handlers.onFrame(Math.min(end - 1, start + Math.floor(mediaTime * frameRate + 0.1)));
    const next = manner === "once" && this.#after();
    if (next) this.#load(this.#turns[1], next);
  }

  /** The other `<video>` goes on with the section that follows; where none is finished, the last frame stays. */
  #next() {
    const next = this.#after();
    if (!next) return this.pause();
    this.#turns.reverse();
    this.#up.loop = false;
    this.#load(this.#up, next);
    this.#start(next, this.#handlers.view().plan.sections[next - 1].start, "once");
  }

  /** The section that follows on the timeline, if it is finished; else 0. */
  #after() {
    const view = this.#handlers.view();
    const section = sectionAt(view.plan, this.#now.end);
    return section > 0 && isDecoded(sectionState(view, section)) ? section : 0;
  }

  /** Loads a section, anew when its frames have become final since. */
  #load(video, section) {
    if (this.#isLoaded(video, section)) return;
    this.#loaded.set(video, this.#keyOf(section));
    video.src = this.#handlers.url(section);
  }

  #isLoaded(video, section) {
    return this.#loaded.get(video) === this.#keyOf(section);
  }

  #keyOf(section) {
    return `${section} ${sectionState(this.#handlers.view(), section)}`;
  }
}
