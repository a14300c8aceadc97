import { pictureAtTimestamp } from "./playout.js";
import { fetchStill } from "./still.js";
import { watchFrames } from "./watch_frames.js";

const unknownPicture = { shows: "frames", hasPlace: true, frame: undefined };

/**
 * What plays on the stage and which frame is up: the live picture, the file, finished sections while the video is made, or
 * one frame that stands still.
 */
export class Playback {
  /** `"none" | "live" | "file" | "sections" | "still"` */
  source = "none";
  /** `"playing" | "paused"` */
  state = "paused";
  frame = 0;
  /** What the live picture shows: `"frames" | "preview" | "slate"`. */
  shows = "slate";
  #stage;
  #video;
  #handlers;
  #session = null;
  #file = null;
  #live = null;
  /** The range of the file that is played again and again, or null for all of it. */
  #loop = null;
  /** Ends the single frame that is being fetched. */
  #still = new AbortController();
  /** A `SectionPlayer`, made with the first section that is played. */
  #sections = null;
  /** While the playhead is dragged: the state before. */
  #before = null;

  /**
   * @param stage a `Stage`
   * @param handlers `onFrame(frame)` · `onChange()` after a change of `source`, `state` or `shows`
   */
  constructor(stage, handlers) {
    this.#stage = stage;
    this.#video = stage.video;
    this.#handlers = handlers;
    watchFrames(this.#video, (picture) => this.#follow(picture));
    const follows = () => this.source === "live" || this.source === "file";
    this.#video.addEventListener("pause", () => follows() && this.#set({ state: "paused" }));
    this.#video.addEventListener("playing", () => follows() && this.#set({ state: "playing" }));
  }

  /**
   * Another session. Nothing plays until `useLive` or `useFile`.
   * @param session `view()` · `frameUrl(frame, widthPx)` · `sectionUrl(section)`
   */
  open(session) {
    this.close();
    this.#session = session;
  }

  /** The live picture has ended and no file follows: its last frame stays, and what is finished can be played. */
  endLive() {
    this.#live = null;
    if (this.source !== "live") return;
    this.#stage.freeze();
    this.#video.srcObject = null;
    this.#set({ source: "still", state: "paused" });
  }

  /** Nothing plays any more. */
  close() {
    this.#endStill();
    this.#sections?.close();
    this.#file = this.#live = this.#loop = null;
    this.#video.removeAttribute("src");
    this.#video.srcObject = null;
    this.#set({ source: "none", state: "paused", frame: 0, shows: "slate" });
  }

  /**
   * `stream` of a live picture; `playouts()` gives its playout events. The frame that is up stays until the first one
   * comes. Whoever looks at something else goes on doing so.
   */
  useLive({ stream, playouts }) {
    this.#live = { stream, playouts };
    if (this.source === "file") return;
    if (!this.#isLeft) {
      this.#stage.freeze();
      this.#set({ source: "live" });
    }
    this.#video.srcObject = stream;
    if (this.source === "live") this.#stage.tryPlay();
  }

  /** The file: `{ url, firstFrameIndex, frames }`. Plays in a loop; whoever looks at some place of it goes on doing so. */
  useFile(file) {
    if (this.source === "file" && this.#file.url === file.url) return;
    const place = this.#isLeft ? { frame: this.frame, state: this.state } : null;
    this.#stage.freeze();
    this.#endStill();
    this.#sections?.close();
    this.#file = file;
    this.#loop = null;
    this.#video.srcObject = null;
    this.#video.loop = true;
    this.#video.src = file.url;
    this.#set({ source: "file", shows: "frames" });
    if (place) this.#seekFile(place.frame);
    if (place?.state === "paused") this.#video.pause(); // it would start by itself
    else this.#stage.tryPlay();
  }

  toggle() {
    if (this.source === "sections" && this.state === "playing") this.#sections.pause();
    else if (this.#isLeft) this.#playOn();
    else if (this.#video.paused) this.#stage.tryPlay();
    else this.#video.pause();
  }

  /** From what was looked at to what plays by itself. */
  backToLive() {
    if (!this.#live || !this.#isLeft) return;
    this.#endStill();
    if (this.source === "sections") this.#sections.pause();
    this.#set({ source: "live" });
    this.#stage.tryPlay();
  }

  /** Shows one frame and stands still. */
  seek(frame) {
    this.#loop = null;
    if (this.source === "file") {
      const { firstFrameIndex, frames } = this.#file;
      this.#video.pause();
      this.#seekFile(Math.min(firstFrameIndex + frames - 1, Math.max(firstFrameIndex, frame)));
    } else if (this.source !== "none") this.#showStill(frame);
  }

  /** To a frame while the playhead is dragged. */
  scrub(frame) {
    this.#before ??= this.state;
    this.seek(frame);
  }

  /** To a frame; what was playing plays on from there. */
  goTo(frame) {
    const state = this.#before ?? this.state;
    this.#before = null;
    if (state === "paused") return this.seek(frame);
    if (this.source !== "file") return this.#playSections(frame, (sections) => sections.playFrom(frame));
    this.seek(frame);
    this.#stage.tryPlay();
  }

  /** Plays a section again and again. */
  playRange(range) {
    if (this.source !== "file") {
      const section = this.#session.view().plan.sections.findIndex(({ start }) => start === range.start) + 1;
      return this.#playSections(range.start, (sections) => sections.playSection(section));
    }
    this.#loop = range;
    this.#seekFile(range.start);
    this.#stage.tryPlay();
  }

  /** Something else than the live picture is looked at. */
  get #isLeft() {
    return this.source === "still" || this.source === "sections";
  }

  #set(changes) {
    Object.assign(this, changes);
    this.#handlers.onChange();
  }

  #showFrame(frame) {
    this.frame = frame;
    this.#handlers.onFrame(frame);
  }

  /** A picture of the video is on screen: which frame is it? */
  #follow({ mediaTime, rtpTimestamp }) {
    // Chromium gives a stream without a picture one of 2 × 2 black pixels.
    if (this.#video.videoWidth <= 2 || (this.source !== "live" && this.source !== "file")) return;
    if (this.source === "live") return this.#followLive(rtpTimestamp);
    this.#stage.show("video");
    const frame = fileFrame(mediaTime, this.#file, this.#session.view().plan);
    const isOut = this.#loop && (frame >= this.#loop.end - 1 || frame < this.#loop.start);
    if (isOut) this.#seekFile(this.#loop.start);
    else this.#showFrame(frame);
  }

  /** A slate that stands for no place is the start picture, which the page has in its own quality. */
  #followLive(rtpTimestamp) {
    const { shows, hasPlace, frame } = pictureAtTimestamp(this.#live.playouts(), rtpTimestamp) ?? unknownPicture;
    this.#stage.show(shows === "slate" && !hasPlace ? "start" : "video");
    if (shows !== this.shows) this.#set({ shows });
    if (frame !== undefined) this.#showFrame(frame);
  }

  #seekFile(frame) {
    // The middle of a frame, so that rounding never lands on its neighbour.
    this.#video.currentTime = (frame - this.#file.firstFrameIndex + 0.5) / this.#session.view().plan.frameRate;
  }

  /** Shows one frame on the still layer, over a live picture that waits behind it. */
  async #showStill(frame) {
    this.#leaveLive();
    if (this.source === "sections") this.#sections.pause();
    this.#set({ source: "still", state: "paused" });
    this.#showFrame(frame);
    const { signal } = this.#still;
    const bitmap = await fetchStill(this.#session.frameUrl(frame, this.#session.view().plan.widthPx), signal);
    if (signal.aborted || !bitmap) return bitmap?.close();
    this.#stage.drawStill(bitmap);
    this.#stage.show("still");
    bitmap.close();
  }

  /** Plays sections; where the one of this frame is not finished, the frame is shown. */
  async #playSections(frame, play) {
    if (this.source === "none") return;
    const { SectionPlayer } = await import("./section_player.js");
    if (!SectionPlayer.canPlay(this.#session.view(), frame)) return this.#showStill(frame);
    this.#sections ??= new SectionPlayer(this.#stage, {
      view: () => this.#session.view(),
      url: (section) => this.#session.sectionUrl(section),
      onFrame: (shown) => this.source === "sections" && this.#showFrame(shown),
      onState: (state) => this.source === "sections" && this.#set({ state }),
    });
    this.#leaveLive();
    this.#set({ source: "sections", state: "playing" });
    play(this.#sections);
  }

  /** From the frame that stands still, or from the start when nothing follows it. */
  #playOn() {
    const { plan, frameMap } = this.#session.view();
    const isLast = this.source === "sections" && this.frame + 1 >= plan.frames;
    const frame = isLast
      ? frameMap.find(({ state }) => state === "provisional" || state === "final").start
      : this.frame;
    this.#playSections(frame, (sections) => sections.playFrom(frame));
  }

  #leaveLive() {
    this.#endStill();
    if (this.source !== "live") return;
    this.#stage.freeze();
    this.#video.pause();
  }

  #endStill() {
    this.#still.abort();
    this.#still = new AbortController();
  }
}

function fileFrame(mediaTime, file, plan) {
  const frame = Math.floor(mediaTime * plan.frameRate + 0.1);
  return file.firstFrameIndex + Math.min(file.frames - 1, frame);
}
