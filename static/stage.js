import { element, icon } from "./element.js";
import { defaultScaling, fitPicture } from "./fit.js";
import { createOverlay } from "./stage_overlay.js";

const scalingKey = "framecast.scaling";

/**
 * The stage: one picture at a time, at the largest size that fits. Layers lie on each other: the start picture, the
 * `<video>` (live or file), a canvas for single frames, and what is added; one of them is up.
 */
export class Stage {
  video = element("video", { class: "layer layer-video", playsinline: true, autoplay: true });
  overlay = createOverlay();
  /** As from `fitPicture()`; null while nothing is up. */
  layout = null;
  #root;
  #options;
  #start = element("img", { class: "layer layer-start", alt: "" });
  #still = element("canvas", { class: "layer layer-still" });
  #play = element(
    "button",
    { class: "play-over", type: "button", "aria-label": "Play", hidden: true, onclick: () => this.tryPlay() },
    icon("play"),
  );
  #picture;
  #format = null;
  #scaling = storedScaling();

  /**
   * @param root the box that is filled; its size never depends on the picture
   * @param options `marks`: `"marks"` with crop marks, `"bare"` without; `onLayout(layout)` after every change of size
   */
  constructor(root, { marks = "marks", onLayout = () => {} } = {}) {
    this.#root = root;
    this.#options = { marks, onLayout };
    this.video.muted = true;
    this.#picture = element(
      "div",
      { class: marks === "marks" ? "picture crop-marks" : "picture", hidden: true },
      ...[this.#start, this.video, this.#still, this.overlay.node, this.#play],
    );
    root.append(this.#picture);
    new ResizeObserver(() => this.#lay()).observe(root);
    document.addEventListener("fullscreenchange", () => this.#lay());
  }

  /** `{ widthPx, heightPx }` of the video, or null: nothing is up. */
  setFormat(format) {
    this.#format = format;
    this.#picture.hidden = format === null;
    if (format && (this.#still.width !== format.widthPx || this.#still.height !== format.heightPx)) {
      this.#still.width = format.widthPx;
      this.#still.height = format.heightPx;
    }
    this.#lay();
  }

  setStart(url) {
    if (this.#start.getAttribute("src") !== url) this.#start.src = url;
  }

  /** Which layer is up: `"start" | "video" | "still"`. The change is one 120 ms fade. */
  show(layer) {
    this.#picture.dataset.shows = layer;
  }

  /** One more layer, which comes up with `showLayer()`. */
  addLayer(node) {
    node.classList.add("layer-more");
    this.#still.before(node);
  }

  /** A layer from `addLayer()` is up; from one of them to another there is no fade. */
  showLayer(node) {
    for (const each of this.#picture.querySelectorAll(".layer-more")) each.classList.toggle("is-up", each === node);
    this.show("more");
  }

  /** Draws a picture on the still layer. */
  drawStill(image) {
    this.#still.getContext("2d").drawImage(image, 0, 0, this.#still.width, this.#still.height);
  }

  /** Keeps the frame that is up on the still layer, so that the source of the video can change without a black flash. */
  freeze() {
    const up =
      { video: this.video, more: this.#picture.querySelector(".layer-more.is-up") }[this.#picture.dataset.shows];
    if (!up || up.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.drawStill(up);
    this.show("still");
  }

  /** Plays; when the browser refuses to start by itself, a button lies on the picture. */
  async tryPlay() {
    try {
      await this.video.play();
      this.#play.hidden = true;
    } catch (error) {
      if (error.name === "NotAllowedError") this.#play.hidden = false;
      else if (error.name !== "AbortError") throw error;
    }
  }

  /** Name for a screen reader. */
  describe(text) {
    this.video.setAttribute("aria-label", text);
    this.#start.alt = text;
  }

  /** `"sharp" | "smooth"`; the choice is kept. */
  chooseScaling(scaling) {
    this.#scaling = scaling;
    localStorage.setItem(scalingKey, scaling);
    this.#lay();
  }

  toggleScaling() {
    this.chooseScaling(this.layout?.scaling === "sharp" ? "smooth" : "sharp");
  }

  async toggleFullScreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.#root.requestFullscreen();
  }

  #lay() {
    if (!this.#format || this.#root.clientWidth === 0) return;
    const { marks, onLayout } = this.#options;
    const isBare = marks === "bare" || document.fullscreenElement === this.#root;
    const box = { widthPx: this.#root.clientWidth, heightPx: this.#root.clientHeight };
    const scaling = this.#scaling ?? defaultScaling(this.#format);
    const layout = fitPicture(this.#format, box, scaling, isBare ? "bare" : "marks", devicePixelRatio);
    const onGrid = (px) => Math.round(px * devicePixelRatio) / devicePixelRatio;
    Object.assign(this.#picture.style, {
      width: `${layout.widthPx}px`,
      height: `${layout.heightPx}px`,
      left: `${onGrid((box.widthPx - layout.widthPx) / 2)}px`,
      top: `${onGrid((box.heightPx - layout.heightPx) / 2)}px`,
    });
    this.#picture.dataset.scaling = layout.scaling;
    this.layout = layout;
    onLayout(layout);
  }
}

function storedScaling() {
  const stored = localStorage.getItem(scalingKey);
  return stored === "sharp" || stored === "smooth" ? stored : null;
}
