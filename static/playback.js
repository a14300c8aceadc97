import { frameAtTimestamp } from "./frame_map.js";
import { playStills } from "./stills.js";

/**
 * What plays on the stage and which frame is up: the live picture, the file, or single frames fetched one by one (a
 * place on the timeline that the live picture does not show, or one section again and again).
 *
 * @param stage `createStage(…)`
 * @param handlers `onFrame(frame)` · `onChange()` after a change of `source` or `state`
 */
export function createPlayback(stage, { onFrame, onChange }) {
  const { video } = stage;
  const playback = { source: "none", state: "paused", frame: 0 };
  let plan = null;
  let frameUrl = null;
  let file = null;
  let live = null;
  let loop = null;
  let stills = null;

  const set = (changes) => {
    Object.assign(playback, changes);
    onChange();
  };
  const showFrame = (frame) => {
    playback.frame = frame;
    onFrame(frame);
  };

  watchFrames(video, ({ mediaTime, rtpTimestamp }) => {
    // Chromium gives a stream without a picture one of 2 × 2 black pixels.
    if (video.videoWidth <= 2) return;
    if (playback.source === "live") {
      stage.show("video");
      const frame = rtpTimestamp === undefined
        ? undefined
        : frameAtTimestamp(live.playouts(), rtpTimestamp, plan.frameRate);
      if (frame !== undefined) showFrame(frame);
    } else if (playback.source === "file") {
      stage.show("video");
      const frame = fileFrame(mediaTime, file, plan);
      if (loop && (frame >= loop.end - 1 || frame < loop.start)) return seekFile(loop.start);
      showFrame(frame);
    }
  });
  video.addEventListener("pause", () => playback.source !== "stills" && set({ state: "paused" }));
  video.addEventListener("playing", () => playback.source !== "stills" && set({ state: "playing" }));

  function seekFile(frame) {
    // The middle of a frame, so that rounding never lands on its neighbour.
    video.currentTime = (frame - file.firstFrameIndex + 0.5) / plan.frameRate;
  }

  function endStills() {
    stills?.stop();
    stills = null;
  }

  /** Shows frames of `[start, end)` on the still layer, over a live picture that waits behind it. */
  function showStills(range, state) {
    endStills();
    if (playback.source === "live") stage.freeze();
    video.pause();
    set({ source: "stills", state });
    showFrame(range.start);
    stills = playStills({
      range,
      state,
      frameRate: plan.frameRate,
      url: (frame) => frameUrl(frame, plan.widthPx),
      draw(bitmap, frame) {
        stage.drawStill(bitmap);
        stage.show("still");
        showFrame(frame);
      },
    });
  }

  return Object.assign(playback, {
    /** Another session: its plan and `(frame, widthPx) => url` of its frames. Nothing plays until `useLive` or `useFile`. */
    open(nextPlan, nextFrameUrl) {
      endStills();
      plan = nextPlan;
      frameUrl = nextFrameUrl;
      file = live = loop = null;
      video.removeAttribute("src");
      video.srcObject = null;
      set({ source: "none", state: "paused", frame: 0 });
    },
    /** `stream` of a live picture; `playouts()` gives its playout events. The frame that is up stays until the first one comes. */
    useLive({ stream, playouts }) {
      live = { stream, playouts };
      if (playback.source === "file") return;
      stage.freeze();
      endStills();
      video.srcObject = stream;
      set({ source: "live" });
      stage.tryPlay();
    },
    /** The file: `{ url, firstFrameIndex, frames }`. Plays in a loop. */
    useFile(next) {
      if (file?.url === next.url && playback.source === "file") return;
      stage.freeze();
      endStills();
      file = next;
      loop = null;
      video.srcObject = null;
      video.loop = true;
      video.src = next.url;
      set({ source: "file" });
      stage.tryPlay();
    },
    toggle() {
      if (playback.source === "stills" && stills?.isSection) {
        stills.toggle();
        return set({ state: stills.state });
      }
      if (playback.source === "stills") return this.backToLive();
      if (video.paused) stage.tryPlay();
      else video.pause();
    },
    /** From single frames to what plays by itself. */
    backToLive() {
      if (!live || playback.source === "live") return;
      endStills();
      set({ source: "live" });
      stage.tryPlay();
    },
    /** Shows one frame and stands still. */
    seek(frame) {
      loop = null;
      if (playback.source === "file") {
        video.pause();
        video.loop = true;
        seekFile(Math.min(file.firstFrameIndex + file.frames - 1, Math.max(file.firstFrameIndex, frame)));
      } else if (playback.source !== "none") showStills({ start: frame, end: frame + 1 }, "paused");
    },
    /** Plays `[start, end)` again and again. */
    playRange(range) {
      if (playback.source === "file") {
        loop = range;
        seekFile(range.start);
        stage.tryPlay();
      } else if (plan) showStills(range, "playing");
    },
  });
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
