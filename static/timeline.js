import { element, icon, setIcon, setText } from "./element.js";
import { createFilmStrip } from "./film_strip.js";
import { decodedFrames, isDecoded, sectionAt, stateAt } from "./frame_map.js";
import { certainty, frameOf, lengthOf, playheadInWords } from "./frame_words.js";
import { createHoverCard } from "./hover_card.js";
import { timecode, viewWords } from "./measures.js";
import { createPlayhead } from "./playhead.js";
import { createThumbnails } from "./thumbnails.js";

/**
 * The timeline of a session: on top of its plan what plays and where, the film strip, the playhead.
 *
 * @param planTimeline `createPlanTimeline(…)`
 * @param handlers `onToggle()` play or pause · `onSeek(frame)` · `onPick(section, frame)` a section was chosen, at this
 *   frame · `onView(name)` one of `viewWords`. Without `onPick` a section is only a place to go to.
 */
export function createTimeline(planTimeline, { onToggle, onSeek, onPick, onView }) {
  const { area, track, hooks } = planTimeline;
  const head = createHead(planTimeline, { onToggle, onView });
  const filmStrip = createFilmStrip(track.canvas);
  const hover = createHoverCard(area);
  let view = null;
  let frame = null;
  let thumbnails = null;
  const playhead = createPlayhead(area, {
    onSeek: (place) => view && onSeek(place),
    onClick: (place) => view && (onPick ? onPick(sectionAt(view.plan, place), place) : onSeek(place)),
    onHover: (place) => showHover(place),
  });

  hooks.onPick = (section) => {
    if (!view) return;
    const { start } = view.plan.sections[section - 1];
    if (onPick) onPick(section, start);
    else onSeek(start);
  };
  hooks.onLaid = () => {
    if (!view) return;
    const { plan, frameMap, progress } = view;
    filmStrip.update({
      cells: track.cells,
      ready: frameMap.filter(({ state }) => isDecoded(state)),
      working: view.state === "running" ? progress.section : 0,
      aspect: plan.widthPx / plan.heightPx,
      videoWidthPx: plan.widthPx,
      thumbnails,
    });
    const hasFrames = decodedFrames(frameMap) > 0;
    head.show(hasFrames ? plan : null);
    if (hasFrames && frame !== null) return showFrame(frame);
    playhead.hide(plan.frames);
    track.cover(-100);
  };

  function showFrame(next) {
    frame = next;
    head.showFrame(view.plan, frame);
    track.cover(playhead.show(frame, view.plan.frames, playheadInWords(view, frame)));
  }

  function showHover(place) {
    if (!place || !view) return hover.hide();
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

  new MutationObserver(() => filmStrip.redraw())
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  return {
    cells: () => track.cells,
    /** Another session: `(frame, widthPx) => url` of its frames. */
    open(frameUrl) {
      this.close();
      thumbnails = createThumbnails(frameUrl, () => {
        filmStrip.redraw();
        hover.refresh();
      });
    },
    /** No session: what is left is a plan. */
    close() {
      thumbnails?.dispose();
      view = frame = null;
      filmStrip.clear();
      head.show(null);
      head.showViews([], null);
      playhead.hide(1);
      track.cover(-100);
    },
    /** A session's view; `selected` is a section, or 0. */
    update(next, selected = 0) {
      view = next;
      planTimeline.update(next, selected);
    },
    /** The frame that is up. */
    showFrame(next) {
      if (view && decodedFrames(view.frameMap) > 0) showFrame(next);
    },
    /** `"playing"` or `"paused"` */
    showPlaying: head.showPlaying,
    /** The views offered and the one that plays (null while single frames are shown); none for a file. */
    showViews: head.showViews,
  };
}

/** Play button, timecode and what plays, added to the head of the plan. */
function createHead({ head, key }, { onToggle, onView }) {
  const play = element(
    "button",
    { class: "icon-button play", type: "button", "aria-label": "Play", onclick: onToggle },
    icon("play"),
  );
  const time = element("span", { class: "timecode" });
  const frameText = element("span", { class: "frame-of" });
  const length = element("span", { class: "length-of" });
  const transport = element("div", { class: "transport" }, play, time, frameText, length);
  const views = element("div", { class: "segments views", role: "group", "aria-label": "What plays" });
  head.insertBefore(transport, key);
  head.append(views);

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
