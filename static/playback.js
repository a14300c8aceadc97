import { frameAtTimestamp } from "./playout.js";
import { playStills } from "./stills.js";

/**
 * What plays on the stage and which frame is up: the live picture, the file, or single frames fetched one by one (a
 * place on the timeline that the live picture does not show, or one section again and again).
 */
export class Playback {
  /** `"none" | "live" | "file" | "stills"` */
  source = "none";
  /** `"playing" | "paused"` */
  state = "paused";
  frame = 0;
  #stage;
  #video;
  #handlers;
  #plan = null;
  #frameUrl = null;
  #file = null;
  #live = null;
  /** The range of the file that is played again and again, or null for all of it. */
  #loop = null;
  #stills = null;

  /**
   * @param stage a `Stage`
   * @param handlers `onFrame(frame)` · `onChange()` after a change of `source` or `state`
   */
  constructor(stage, handlers) {
    this.#stage = stage;
    this.#video = stage.video;
    this.#handlers = handlers;
    watchFrames(this.#video, (picture) => this.#follow(picture));
    this.#video.addEventListener("pause", () => this.source !== "stills" && this.#set({ state: "paused" }));
    this.#video.addEventListener("playing", () => this.source !== "stills" && this.#set({ state: "playing" }));
  }

  /** Another session: its plan and `(frame, widthPx) => url` of its frames. Nothing plays until `useLive` or `useFile`. */
  open(plan, frameUrl) {
    this.#endStills();
    this.#plan = plan;
    this.#frameUrl = frameUrl;
    this.#file = this.#live = this.#loop = null;
    this.#video.removeAttribute("src");
    this.#video.srcObject = null;
    this.#set({ source: "none", state: "paused", frame: 0 });
  }

  /**
   * `stream` of a live picture; `playouts()` gives its playout events. The frame that is up stays until the first one
   * comes. Whoever looks at single frames goes on doing so.
   */
  useLive({ stream, playouts }) {
    this.#live = { stream, playouts };
    if (this.source === "file") return;
    if (this.source !== "stills") {
      this.#stage.freeze();
      this.#set({ source: "live" });
    }
    this.#video.srcObject = stream;
    if (this.source === "live") this.#stage.tryPlay();
  }

  /** The file: `{ url, firstFrameIndex, frames }`. Plays in a loop. */
  useFile(file) {
    if (this.source === "file" && this.#file.url === file.url) return;
    this.#stage.freeze();
    this.#endStills();
    this.#file = file;
    this.#loop = null;
    this.#video.srcObject = null;
    this.#video.loop = true;
    this.#video.src = file.url;
    this.#set({ source: "file" });
    this.#stage.tryPlay();
  }

  toggle() {
    if (this.source === "stills" && this.#stills.isSection) {
      this.#stills.toggle();
      this.#set({ state: this.#stills.state });
    } else if (this.source === "stills") this.backToLive();
    else if (this.#video.paused) this.#stage.tryPlay();
    else this.#video.pause();
  }

  /** From single frames to what plays by itself. */
  backToLive() {
    if (!this.#live || this.source === "live") return;
    this.#endStills();
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
    } else if (this.source !== "none") this.#showStills({ start: frame, end: frame + 1 }, "paused");
  }

  /** Plays `[start, end)` again and again. */
  playRange(range) {
    if (this.source === "file") {
      this.#loop = range;
      this.#seekFile(range.start);
      this.#stage.tryPlay();
    } else this.#showStills(range, "playing");
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
    this.#stage.show("video");
    if (this.source === "live") {
      if (rtpTimestamp === undefined) return;
      const frame = frameAtTimestamp(this.#live.playouts(), rtpTimestamp, this.#plan.frameRate);
      if (frame !== undefined) this.#showFrame(frame);
      return;
    }
    const frame = fileFrame(mediaTime, this.#file, this.#plan);
    const isOut = this.#loop && (frame >= this.#loop.end - 1 || frame < this.#loop.start);
    if (isOut) this.#seekFile(this.#loop.start);
    else this.#showFrame(frame);
  }

  #seekFile(frame) {
    // The middle of a frame, so that rounding never lands on its neighbour.
    this.#video.currentTime = (frame - this.#file.firstFrameIndex + 0.5) / this.#plan.frameRate;
  }

  /** Shows frames of `[start, end)` on the still layer, over a live picture that waits behind it. */
  #showStills(range, state) {
    this.#endStills();
    if (this.source === "live") this.#stage.freeze();
    this.#set({ source: "stills", state });
    this.#video.pause();
    this.#showFrame(range.start);
    this.#stills = playStills({
      range,
      state,
      frameRate: this.#plan.frameRate,
      url: (frame) => this.#frameUrl(frame, this.#plan.widthPx),
      draw: (bitmap, frame) => {
        this.#stage.drawStill(bitmap);
        this.#stage.show("still");
        this.#showFrame(frame);
      },
    });
  }

  #endStills() {
    this.#stills?.stop();
    this.#stills = null;
  }
}

/** Calls back with every picture that is shown; where a browser cannot tell, with the time about four times a second. */
function watchFrames(video, onPicture) {
  if (!("requestVideoFrameCallback" in video)) {
    video.addEventListener("timeupdate", () => onPicture({ mediaTime: video.currentTime }));
    return;
  }
  const next = (_now, metadata) => {
    onPicture(metadata);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}

function fileFrame(mediaTime, file, plan) {
  const frame = Math.floor(mediaTime * plan.frameRate + 0.1);
  return file.firstFrameIndex + Math.min(file.frames - 1, frame);
}
