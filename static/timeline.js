import { element, icon, setIcon, setText } from "./element.js";
import { createFilmStrip } from "./film_strip.js";
import { decodedFrames, isDecoded, sectionAt, stateAt, statesPresent } from "./frame_map.js";
import { createHoverCard } from "./hover_card.js";
import { createPlayhead } from "./playhead.js";
import { createThumbnails } from "./thumbnails.js";
import { certainty, frameOf, lengthOf, planTitle, playheadInWords } from "./timeline_words.js";
import { createTrack } from "./track.js";
import { stateWords, timecode, viewWords } from "./measures.js";

/**
 * The timeline: what plays and where, the plan with the state of each section, the film strip, the playhead.
 *
 * @param root an empty element
 * @param handlers `onToggle()` play or pause · `onSeek(frame)` · `onPick(section, frame)` a section was chosen, at this
 *   frame · `onView(name)` one of `viewWords`. Without `onPick` sections cannot be chosen.
 */
export function createTimeline(root, { onToggle, onSeek, onPick, onView }) {
  const head = createHead({ onToggle, onView });
  const track = createTrack({ onPick: (section) => onPick?.(section, shown.view.plan.sections[section - 1].start) });
  const area = element("div", { class: "track" }, track.ruler, track.strip, track.line);
  root.append(head.node, area);
  const filmStrip = createFilmStrip(track.canvas);
  const hover = createHoverCard(area);
  const playhead = createPlayhead(area, {
    onSeek: (frame) => onSeek(frame),
    onClick: (frame) => onPick ? onPick(sectionAt(shown.view.plan, frame), frame) : onSeek(frame),
    onHover: (place) => showHover(place),
  });
  let shown = null;
  let thumbnails = null;

  function useThumbnails(frameUrl) {
    thumbnails?.dispose();
    thumbnails = createThumbnails(frameUrl, () => {
      filmStrip.redraw();
      hover.refresh();
    });
  }

  function lay() {
    if (!shown || area.clientWidth === 0) return;
    const { view, selected, frame } = shown;
    const { plan, frameMap } = view;
    track.update(view, selected, area.clientWidth);
    filmStrip.update({
      cells: track.cells,
      ready: frameMap.filter(({ state }) => isDecoded(state)),
      working: view.state === "running" ? view.progress.section : 0,
      aspect: plan.widthPx / plan.heightPx,
      videoWidthPx: plan.widthPx,
      thumbnails,
    });
    head.update(view);
    if (frame === null) {
      playhead.hide(plan.frames);
      track.cover(-100);
    } else showFrame(frame);
  }

  function showFrame(frame) {
    shown.frame = frame;
    head.showFrame(shown.view.plan, frame);
    track.cover(playhead.show(frame, shown.view.plan.frames, playheadInWords(shown.view, frame)));
  }

  function showHover(place) {
    if (!place || !shown) return hover.hide();
    const { view } = shown;
    const state = stateAt(view.frameMap, place.frame);
    hover.show({
      px: place.px,
      time: timecode(place.frame, view.plan.frameRate),
      frame: `frame ${place.frame}`,
      frameIndex: place.frame,
      line: certainty(view, place.frame),
      state: isDecoded(state) ? state : null,
      thumbnails,
      format: view.plan,
    });
  }

  new ResizeObserver(lay).observe(area);
  new MutationObserver(() => filmStrip.redraw())
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  return {
    cells: () => track.cells,
    /** Another session, or none: `(frame, widthPx) => url` of its frames. */
    open(frameUrl) {
      useThumbnails(frameUrl);
      shown = null;
    },
    /** A session's view, or a plan that looks like one; `selected` is a section, or 0. */
    update(view, selected = 0) {
      const frame = decodedFrames(view.frameMap) === 0 ? null : shown?.frame ?? null;
      shown = { view, selected, frame };
      lay();
    },
    /** The frame that is up. */
    showFrame(frame) {
      if (shown && decodedFrames(shown.view.frameMap) > 0) showFrame(frame);
    },
    /** `"playing"` or `"paused"` */
    showPlaying: head.showPlaying,
    /** The views offered and the one that plays (null while single frames are shown); none for a file. */
    showViews: head.showViews,
  };
}

/** Play button, timecode, key, and what plays. */
function createHead({ onToggle, onView }) {
  const title = element("h2", { class: "plan-title" });
  const play = element(
    "button",
    { class: "icon-button play", type: "button", "aria-label": "Play", onclick: onToggle },
    icon("play"),
  );
  const time = element("span", { class: "timecode" });
  const frameText = element("span", { class: "frame-of" });
  const length = element("span", { class: "length-of" });
  const transport = element("div", { class: "transport" }, play, time, frameText, length);
  const key = element("ul", { class: "key", "aria-label": "Key" });
  const views = element("div", { class: "segments views", role: "group", "aria-label": "What plays" });
  const node = element("div", { class: "timeline-head" }, title, transport, key, views);

  return {
    node,
    update(view) {
      const hasFrames = decodedFrames(view.frameMap) > 0;
      title.hidden = hasFrames;
      transport.hidden = !hasFrames;
      setText(title, planTitle(view.plan));
      setText(length, lengthOf(view.plan));
      showKey(key, view);
    },
    showFrame(plan, frame) {
      setText(time, timecode(frame, plan.frameRate));
      setText(frameText, frameOf(plan, frame));
    },
    showPlaying(state) {
      setIcon(play, state === "playing" ? "pause" : "play");
      play.setAttribute("aria-label", state === "playing" ? "Pause" : "Play");
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

/** The states present; all of them when nothing has run, none when all is final. */
function showKey(key, view) {
  const present = view.state === "none"
    ? ["planned", "sampling", "decoding", "provisional", "final"]
    : statesPresent(view.frameMap);
  const states = view.state === "queued" || (present.length === 1 && present[0] === "final") ? [] : present;
  if (key.dataset.states === states.join()) return;
  key.dataset.states = states.join();
  key.replaceChildren(
    ...states.map((state) =>
      element("li", {}, element("span", { class: "bar", "data-state": state }, element("i")), stateWords[state])
    ),
  );
}
