import { element, icon } from "./element.js";
import { defaultScaling, fitPicture } from "./fit.js";

const scalingKey = "framecast.scaling";

/**
 * The stage: one picture at a time, at the largest size that fits. Layers lie on each other: the start picture, the
 * `<video>` (live or file) and a canvas for single frames; `shows` says which one is up.
 *
 * @param root the box that is filled; its size never depends on the picture
 * @param options `marks`: `"marks"` with crop marks, `"bare"` without; `onLayout(layout)` after every change of size
 */
export function createStage(root, { marks = "marks", onLayout = () => {} } = {}) {
  const start = element("img", { class: "layer layer-start", alt: "" });
  const video = element("video", { class: "layer layer-video", playsinline: true, autoplay: true });
  video.muted = true;
  const still = element("canvas", { class: "layer layer-still" });
  const play = element(
    "button",
    { class: "play-over", type: "button", "aria-label": "Play", hidden: true, onclick: () => tryPlay() },
    icon("play"),
  );
  const overlay = createOverlay();
  const picture = element(
    "div",
    { class: marks === "marks" ? "picture crop-marks" : "picture", hidden: true },
    start,
    video,
    still,
    overlay.node,
    play,
  );
  root.append(picture);

  let format = null;
  let layout = null;
  let chosen = storedScaling();

  function lay() {
    if (!format || root.clientWidth === 0) return;
    const bare = marks === "bare" || document.fullscreenElement === root;
    const scaling = chosen ?? defaultScaling(format);
    const box = { widthPx: root.clientWidth, heightPx: root.clientHeight };
    layout = fitPicture(format, box, scaling, bare ? "bare" : "marks", devicePixelRatio);
    const onGrid = (px) => Math.round(px * devicePixelRatio) / devicePixelRatio;
    Object.assign(picture.style, {
      width: `${layout.widthPx}px`,
      height: `${layout.heightPx}px`,
      left: `${onGrid((box.widthPx - layout.widthPx) / 2)}px`,
      top: `${onGrid((box.heightPx - layout.heightPx) / 2)}px`,
    });
    picture.dataset.scaling = layout.scaling;
    onLayout(layout);
  }

  /** Plays; when the browser refuses to start by itself, a button lies on the picture. */
  async function tryPlay() {
    try {
      await video.play();
      play.hidden = true;
    } catch (error) {
      if (error.name === "NotAllowedError") play.hidden = false;
      else if (error.name !== "AbortError") throw error;
    }
  }

  new ResizeObserver(lay).observe(root);
  document.addEventListener("fullscreenchange", lay);

  return {
    video,
    overlay,
    tryPlay,
    get layout() {
      return layout;
    },
    /** `{ widthPx, heightPx }` of the video, or null: nothing is up. */
    setFormat(next) {
      format = next;
      picture.hidden = next === null;
      if (next && (still.width !== next.widthPx || still.height !== next.heightPx)) {
        still.width = next.widthPx;
        still.height = next.heightPx;
      }
      lay();
    },
    setStart(url) {
      if (url === null) start.removeAttribute("src");
      else if (start.getAttribute("src") !== url) start.src = url;
    },
    /** Which layer is up: `"start" | "video" | "still"`. The change is one 120 ms fade. */
    show(layer) {
      picture.dataset.shows = layer;
    },
    get shows() {
      return picture.dataset.shows;
    },
    /** Draws a picture on the still layer. */
    drawStill(image) {
      still.getContext("2d").drawImage(image, 0, 0, still.width, still.height);
    },
    /** Keeps the frame that is up on the still layer, so that the source of the video can change without a black flash. */
    freeze() {
      if (picture.dataset.shows !== "video" || video.readyState < 2) return;
      this.drawStill(video);
      this.show("still");
    },
    /** Name for a screen reader. */
    describe(text) {
      video.setAttribute("aria-label", text);
      start.alt = text;
    },
    chooseScaling(next) {
      chosen = next;
      localStorage.setItem(scalingKey, next);
      lay();
    },
    toggleScaling() {
      this.chooseScaling(layout?.scaling === "sharp" ? "smooth" : "sharp");
    },
    /** The still layer's canvas when that is up, else the video: what a saved frame is taken from. */
    get source() {
      return picture.dataset.shows === "still" ? still : video;
    },
    async toggleFullScreen() {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await root.requestFullscreen();
    },
  };
}

function storedScaling() {
  const stored = localStorage.getItem(scalingKey);
  return stored === "sharp" || stored === "smooth" ? stored : null;
}

/** What lies over a picture that is not up to date: a slate in the middle, a note at the lower edge, or less light. */
function createOverlay() {
  const bar = element("span", { class: "slate-bar" });
  const title = element("p", { class: "slate-title" });
  const line = element("p", { class: "slate-line" });
  const track = element("span", { class: "slate-track" }, bar);
  const slate = element("div", { class: "stage-slate", hidden: true }, title, track, line);
  const noteText = element("span");
  const ring = element("span", { class: "ring", "aria-hidden": "true" });
  const note = element("p", { class: "stage-note", hidden: true }, ring, noteText);
  const node = element("div", { class: "stage-overlay" }, slate, note);
  return {
    node,
    /** `{ title, line, fraction }`, fraction 0 to 1 or null for a slate without a bar; null takes it away. */
    setSlate(next) {
      slate.hidden = next === null;
      node.parentElement.classList.toggle("waits", next !== null);
      if (next === null) return;
      title.textContent = next.title;
      line.textContent = next.line;
      track.hidden = next.fraction === null;
      bar.style.width = `${100 * (next.fraction ?? 0)}%`;
    },
    /** Text, or null. While a note is up the picture is at 85%. */
    setNote(text) {
      note.hidden = text === null;
      node.parentElement.classList.toggle("stale", text !== null);
      if (text !== null && noteText.textContent !== text) noteText.textContent = text;
    },
  };
}
