import { element, icon, setIcon, setText } from "./element.js";
import { createFilmStrip } from "./film_strip.js";
import { decodedFrames, isDecoded, sectionAt, stateAt } from "./frame_map.js";
import { certainty, frameOf, lengthOf, playheadInWords } from "./frame_words.js";
import { createHoverCard } from "./hover_card.js";
import { timecode, viewWords } from "./measures.js";
import { createPlayhead } from "./playhead.js";
import { createThumbnails, previewState, previewStateAt } from "./thumbnails.js";

/** Least time between two previews on the film strip. */
const previewEveryMs = 500;

/** The timeline of a session: on top of its plan what plays and where, the film strip, the playhead. */
export class Timeline {
  #plan;
  #handlers;
  #head;
  #filmStrip;
  #hover;
  #playhead;
  #view = null;
  #frame = null;
  #thumbnails = null;
  /** State of the frames in the section of the progress, see `previewState()`; null without a preview. */
  #preview = { state: null, atMs: 0 };

  /**
   * @param planTimeline `createPlanTimeline(…)`
   * @param handlers `onToggle()` play or pause · `onBack()` to the live picture · `onScrub(frame)` while the playhead is
   *   dragged · `onGo(frame)` to a place · `onPick(section, frame)` a section was chosen, at this frame · `onView(name)` one
   *   of `viewWords`. Without `onPick` a section is only a place to go to.
   */
  constructor(planTimeline, handlers) {
    this.#plan = planTimeline;
    this.#handlers = handlers;
    const { area, track, hooks } = planTimeline;
    this.#head = createHead(planTimeline, handlers);
    this.#filmStrip = createFilmStrip(track.canvas);
    this.#hover = createHoverCard(area);
    this.#playhead = createPlayhead(area, {
      onScrub: (frame) => this.#view && handlers.onScrub(frame),
      onRelease: (frame) => this.#view && handlers.onGo(frame),
      onClick: (frame) => this.#view && this.#pick(sectionAt(this.#view.plan, frame), frame),
      onHover: (place) => this.#showHover(place),
    });
    hooks.onPick = (section) => this.#view && this.#pick(section, this.#view.plan.sections[section - 1].start);
    hooks.onLaid = () => this.#view && this.#laid();
    new MutationObserver(() => this.#filmStrip.redraw())
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  /** The sections as they lie, see `sectionCells()`. */
  get cells() {
    return this.#plan.track.cells;
  }

  /** Another session: `(frame, widthPx) => url` of its frames. */
  open(frameUrl) {
    this.close();
    this.#thumbnails = createThumbnails(frameUrl, () => {
      this.#filmStrip.redraw();
      this.#hover.refresh();
    });
  }

  /** No session: what is left is a plan. */
  close() {
    this.#thumbnails?.dispose();
    this.#view = this.#frame = null;
    this.#filmStrip.clear();
    this.#head.show(null);
    this.#head.showViews([], null);
    this.#head.showBack(false);
    this.#playhead.hide(1);
    this.#plan.track.cover(-100);
  }

  /** A session's view; `selected` is a section, or 0. */
  update(view, selected = 0) {
    this.#view = view;
    this.#plan.update(view, selected);
  }

  /** The frame that is up. */
  showFrame(frame) {
    if (!this.#view || decodedFrames(this.#view.frameMap) === 0) return;
    this.#frame = frame;
    const { plan } = this.#view;
    this.#head.showFrame(plan, frame);
    this.#plan.track.cover(this.#playhead.show(frame, plan.frames, playheadInWords(this.#view, frame)));
  }

  /** `"playing"` or `"paused"` */
  showPlaying(state) {
    this.#head.showPlaying(state);
  }

  /** Whether there is a live picture to go back to. */
  showBack(isLeft) {
    this.#head.showBack(isLeft);
  }

  /** The views offered and the one that plays (null while something else is looked at); none for a file. */
  showViews(names, current) {
    this.#head.showViews(names, current);
  }

  #pick(section, frame) {
    const { onPick, onGo } = this.#handlers;
    if (onPick) onPick(section, frame);
    else onGo(frame);
  }

  /** The plan was drawn: film strip and playhead follow. */
  #laid() {
    const { state, plan, frameMap, progress } = this.#view;
    const newest = this.#newestPreview();
    this.#filmStrip.update({
      cells: this.cells,
      ready: frameMap.filter((range) => isDecoded(range.state)),
      previews: frameMap.filter((range) => isInWork(range.state))
        .map((range) => ({ ...range, state: previewStateAt(this.#view, range.start, newest) }))
        .filter(({ state }) => state !== null),
      working: state === "running" ? progress.section : 0,
      aspect: plan.widthPx / plan.heightPx,
      videoWidthPx: plan.widthPx,
      thumbnails: this.#thumbnails,
    });
    const hasFrames = decodedFrames(frameMap) > 0;
    this.#head.show(hasFrames ? plan : null);
    if (hasFrames && this.#frame !== null) return this.showFrame(this.#frame);
    this.#playhead.hide(plan.frames);
    this.#plan.track.cover(-100);
  }

  /** The preview to be shown: that of the newest step, but not more than two in a second. */
  #newestPreview() {
    const { state, settings, progress: { phase, section, step } } = this.#view;
    const hasPreview = state === "running" && settings.previews && ["sampling", "decoding"].includes(phase) && step > 0;
    const next = hasPreview ? previewState(section, step) : null;
    const nowMs = performance.now();
    if (next === null || nowMs - this.#preview.atMs >= previewEveryMs) this.#preview = { state: next, atMs: nowMs };
    return this.#preview.state;
  }

  #showHover(place) {
    const view = this.#view;
    if (!place || !view) return this.#hover.hide();
    const state = stateAt(view.frameMap, place.frame);
    this.#hover.show({
      px: place.px,
      time: timecode(place.frame, view.plan.frameRate),
      frame: `frame ${place.frame}`,
      frameIndex: place.frame,
      line: certainty(view, place.frame),
      state: isDecoded(state) ? state : isInWork(state) ? previewStateAt(view, place.frame, this.#preview.state) : null,
      thumbnails: this.#thumbnails,
      format: view.plan,
    });
  }
}

function isInWork(state) {
  return state === "sampling" || state === "decoding";
}

/** Play button, timecode and what plays, added to the head of the plan. */
function createHead({ head, key }, { onToggle, onBack, onView }) {
  const play = element(
    "button",
    { class: "icon-button play", type: "button", "aria-label": "Play", onclick: onToggle },
    icon("play"),
  );
  const time = element("span", { class: "timecode" });
  const frameText = element("span", { class: "frame-of" });
  const length = element("span", { class: "length-of" });
  const transport = element("div", { class: "transport" }, play, time, frameText, length);
  const back = element(
    "button",
    { class: "button small back-to-live", type: "button", hidden: true, onclick: onBack },
    element("span", { class: "dot accent" }),
    "Back to live",
  );
  const views = element("div", { class: "segments views", role: "group", "aria-label": "What plays" });
  head.insertBefore(transport, key);
  head.append(back, views);

  return {
    /** The plan of a session with frames, or null. */
    show(plan) {
      transport.hidden = plan === null;
      if (plan) setText(length, lengthOf(plan));
    },
    showFrame(plan, frame) {
      setText(time, timecode(frame, plan.frameRate));
      setText(frameText, frameOf(plan, frame));
    },
    showPlaying(state) {
      setIcon(play, state === "playing" ? "pause" : "play");
      play.setAttribute("aria-label", state === "playing" ? "Pause" : "Play");
    },
    showBack(isLeft) {
      back.hidden = !isLeft;
    },
    showViews(names, current) {
      const offered = [...views.children].map(({ dataset }) => dataset.view).join();
      if (offered !== names.join()) {
        views.replaceChildren(
          ...names.map((name) =>
            element("button", { type: "button", "data-view": name, text: viewWords[name], onclick: () => onView(name) })
          ),
        );
      }
      views.hidden = names.length === 0;
      for (const button of views.children) button.setAttribute("aria-pressed", String(button.dataset.view === current));
    },
  };
}
