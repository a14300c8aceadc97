import { element } from "./element.js";
import { defaultScaling, fitPicture } from "./fit.js";

/**
 * The picture of the OBS page: the live picture, the file, and the last frame of whichever was up while its source
 * changes. Sized by the rule of the options `scale` and `fit`; every change is one fade.
 */
export class EmbedPicture {
  #root;
  #options;
  #layers = {
    last: element("canvas", { class: "layer", "aria-hidden": "true" }),
    live: silentVideo("Live picture"),
    file: silentVideo("Finished video"),
  };
  #formats = { last: null, live: null, file: null };
  #shown = null;

  /** @param {{ scale: "sharp" | "smooth" | undefined, fit: "contain" | "cover" }} options */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    root.append(...Object.values(this.#layers));
    new ResizeObserver(() => this.#lay()).observe(root);
  }

  get hasPicture() {
    return this.#shown !== null;
  }

  /** A live stream takes over with its first frame. `format`: `{ widthPx, heightPx }` of the video. */
  playLive(stream, format, onPicture) {
    const { live } = this.#layers;
    if (this.#shown === "live") this.#freeze();
    this.#setFormat("live", format);
    live.srcObject = stream;
    live.play().catch(() => {}); // the next stream tries again
    onceFrame(live, () => {
      this.#show("live");
      onPicture();
    });
  }

  /**
   * Plays the file: `"loop"`, `"once"`, or `"hold"` for its last frame. Resolves when it has a picture.
   * @throws {Error} when the browser cannot load or play it
   */
  async playFile(url, turns, format) {
    const { file } = this.#layers;
    if (this.#shown === "file") this.#freeze();
    this.#setFormat("file", format);
    await load(file, url);
    file.loop = turns === "loop";
    if (turns === "hold") file.currentTime = Math.max(0, file.duration - 0.01);
    else await file.play();
    this.#show("file");
  }

  /** Calls back when the file, played once, has ended and is still what is up. */
  onceEnded(listener) {
    const { file } = this.#layers;
    const { src } = file;
    const check = () => this.#shown === "file" && file.src === src && listener();
    if (file.ended) check();
    else file.addEventListener("ended", check, { once: true });
  }

  /** Nothing is up any more. */
  clear() {
    const { live, file } = this.#layers;
    this.#show(null);
    live.srcObject = null;
    file.removeAttribute("src");
    file.load();
  }

  #setFormat(name, format) {
    this.#formats[name] = format;
    this.#lay();
  }

  #lay() {
    if (this.#root.clientWidth === 0) return;
    for (const [name, layer] of Object.entries(this.#layers)) {
      const format = this.#formats[name];
      if (format) place(layer, format, this.#root, this.#options);
    }
  }

  #show(name) {
    for (const [each, layer] of Object.entries(this.#layers)) layer.classList.toggle("is-up", each === name);
    this.#shown = name;
  }

  /** Keeps the frame that is up, so that its source can change. */
  #freeze() {
    const { last } = this.#layers;
    const source = this.#layers[this.#shown];
    if (source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    last.width = source.videoWidth;
    last.height = source.videoHeight;
    last.getContext("2d").drawImage(source, 0, 0);
    this.#setFormat("last", this.#formats[this.#shown]);
    this.#show("last");
  }
}

/** A browser starts nothing by itself that could be heard, and looks at the property, not at the attribute. */
function silentVideo(label) {
  const video = element("video", { class: "layer", playsinline: true, "aria-label": label });
  video.muted = true;
  return video;
}

/** Calls back when the video presents a frame. Chromium gives a stream without a picture one of 2 × 2 black pixels. */
function onceFrame(video, listener) {
  const { srcObject } = video;
  const next = (tell) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(tell);
    else video.addEventListener("timeupdate", tell, { once: true });
  };
  const tell = () => {
    if (video.srcObject !== srcObject) return;
    if (video.videoWidth > 2) listener();
    else next(tell);
  };
  next(tell);
}

function load(video, url) {
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(`Cannot play ${url}: ${video.error?.message}`)), {
      once: true,
    });
    video.src = url;
  });
}

function place(layer, format, root, { scale, fit }) {
  const box = { widthPx: root.clientWidth, heightPx: root.clientHeight };
  const scaling = scale ?? defaultScaling(format);
  const { widthPx, heightPx, scaling: used } = fit === "cover"
    ? covering(format, box, scaling)
    : fitPicture(format, box, scaling, "bare", devicePixelRatio);
  const onGrid = (px) => Math.round(px * devicePixelRatio) / devicePixelRatio;
  layer.dataset.scaling = used;
  layer.style.width = `${widthPx}px`;
  layer.style.height = `${heightPx}px`;
  layer.style.left = `${onGrid((box.widthPx - widthPx) / 2)}px`;
  layer.style.top = `${onGrid((box.heightPx - heightPx) / 2)}px`;
}

/** Size in CSS pixels of a picture that covers a box; sharp multiplies by a whole number of device pixels, rounded up. */
function covering(format, box, scaling) {
  const least = Math.max(box.widthPx / format.widthPx, box.heightPx / format.heightPx);
  const factor = scaling === "sharp" ? Math.ceil(least * devicePixelRatio) / devicePixelRatio : least;
  return { widthPx: format.widthPx * factor, heightPx: format.heightPx * factor, scaling };
}
