import { element } from "./element.js";
import { defaultScaling, fitPicture } from "./fit.js";

/**
 * The picture of the OBS page: the live picture, the file, and the last frame of whichever was up while its source
 * changes. Sized by the rule of the options `scale` and `fit`; every change is one fade.
 */
export class EmbedPicture {
  #root;
  #options;
  #layers;
  /** Sizes that are known otherwise than from the picture itself, which may come scaled down. */
  #formats = { last: null, live: null, file: null };
  #shown = "none";

  /** @param options of `readEmbedOptions` */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    this.#layers = {
      last: element("canvas", { class: "layer is-kept-frame", "aria-hidden": "true" }),
      live: videoLayer("Live picture", options.sound),
      file: videoLayer("Finished video", options.sound),
    };
    root.append(...Object.values(this.#layers));
    new ResizeObserver(() => this.#lay()).observe(root);
    for (const video of [this.#layers.live, this.#layers.file]) video.addEventListener("resize", () => this.#lay());
    // Nothing is stopped while OBS does not show the source: coming back would then take a key frame. Chromium itself
    // pauses what nobody sees; a player that it left paused is started again.
    document.addEventListener("visibilitychange", () => document.hidden || this.#resume());
  }

  /** Calls back with every frame of a live stream: `{ rtpTimestamp }`, in milliseconds at most one screen frame late. */
  followLive(stream, onFrame) {
    const { live } = this.#layers;
    live.srcObject = stream;
    play(live);
    eachFrame(live, onFrame);
  }

  /** Size of the live picture, `{ widthPx, heightPx }`; null takes that of its frames. */
  setLiveFormat(format) {
    this.#formats.live = format;
    this.#lay();
  }

  /**
   * Plays the file, from its start again and again with `"loop"`, or stands at its last frame with `"hold"`. Resolves when
   * it has a picture.
   * @throws {Error} when the browser cannot load or play it
   */
  async playFile(url, turns, format) {
    const { file } = this.#layers;
    this.#formats.file = format;
    await load(file, url);
    file.loop = turns === "loop";
    if (turns === "hold") file.currentTime = Math.max(0, file.duration - 0.01);
    else await play(file);
    this.#lay();
  }

  /** Calls back when the file that plays cannot go on. */
  onceFileBreaks(listener) {
    this.#layers.file.addEventListener("error", listener, { once: true });
  }

  /** Keeps the frame that is up, so that its source can change. */
  keepFrame() {
    if (this.#shown !== "live") return;
    const { last, live } = this.#layers;
    last.width = live.videoWidth;
    last.height = live.videoHeight;
    last.getContext("2d").drawImage(live, 0, 0);
    this.#formats.last = this.#formats.live;
    this.#lay();
    this.show("last");
  }

  /** @param {"live" | "last" | "file" | "none"} name */
  show(name) {
    if (name === this.#shown) return;
    for (const [each, layer] of Object.entries(this.#layers)) layer.classList.toggle("is-up", each === name);
    this.#shown = name;
  }

  #resume() {
    for (const video of [this.#layers.live, this.#layers.file]) {
      if (video.paused && !video.ended && (video.srcObject ?? video.loop)) play(video);
    }
  }

  #lay() {
    if (this.#root.clientWidth === 0) return;
    for (const [name, layer] of Object.entries(this.#layers)) {
      const format = this.#formats[name] ?? ownFormat(layer);
      if (format.widthPx > 0) place(layer, format, this.#root, this.#options);
    }
  }
}

/** A browser starts nothing by itself that could be heard, and looks at the property, not at the attribute. */
function videoLayer(label, sound) {
  const video = element("video", { class: "layer", playsinline: true, "aria-label": label });
  video.muted = sound === "off";
  return video;
}

/** A browser that wants a click before there is sound plays without it. */
async function play(video) {
  await video.play().catch((error) => {
    if (error.name !== "NotAllowedError" || video.muted) return; // the next stream, or its own end, tries again
    video.muted = true;
    return video.play();
  });
}

function ownFormat(layer) {
  return { widthPx: layer.videoWidth ?? layer.width, heightPx: layer.videoHeight ?? layer.height };
}

/** Calls back with each frame until another stream comes. Chromium gives a stream without a picture one of 2 × 2 pixels. */
function eachFrame(video, listener) {
  const { srcObject } = video;
  const next = () => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback((_now, frame) => tell(frame));
    else video.addEventListener("timeupdate", () => tell({}), { once: true });
  };
  const tell = (frame) => {
    if (video.srcObject !== srcObject) return;
    next();
    if (video.videoWidth > 2) listener(frame);
  };
  next();
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
