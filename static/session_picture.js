import { playoutsOf, watchLive } from "./live_picture.js";
import { interruptedNote } from "./session_words.js";
import { hasPictures, titleOf, viewsOffered } from "./words.js";

/**
 * Which picture of a session is up: its start picture, the live picture, or its file.
 *
 * @param stage `createStage(…)`
 * @param playback `createPlayback(…)`
 * @param onChange after the live picture changed its state
 */
export function createSessionPicture(stage, playback, onChange) {
  let live = null;
  let viewName = null;
  let session = null;
  /** The section last played without a live picture. */
  let fetched = 0;

  function startLive(name) {
    stage.freeze();
    endLive();
    viewName = name;
    let stream = null;
    const mine = watchLive(`${session.view.links.whep}?view=${name}`, (state) => {
      if (live !== mine && live !== null) return;
      if (state.stream && state.stream !== stream) {
        stream = state.stream;
        const { codec } = state;
        playback.useLive({ stream, playouts: () => playoutsOf(session.playouts, name, live?.state.codec ?? codec) });
      }
      onChange();
    });
    live = mine;
  }

  /** Without a live picture the newest section is fetched frame by frame. */
  function playNewest({ plan, timings }) {
    const newest = timings.sections.length;
    if (newest === fetched) return;
    fetched = newest;
    playback.playRange(plan.sections[newest - 1]);
  }

  function endLive() {
    const ended = live;
    live = null;
    ended?.close();
  }

  return {
    /** `"connecting" | "live" | …` of the live picture with the time of its next try; null without one. */
    get live() {
      return live?.state ?? null;
    },
    /** What plays, one of `viewsOffered`; null while single frames are shown. */
    get viewName() {
      return playback.source === "stills" ? null : viewName;
    },
    /** `state` of the session's feed; `trouble` see `session_words.js`. */
    show({ view, playouts }, trouble) {
      session = { view, playouts };
      const isOver = ["completed", "stopped", "failed"].includes(view.state);
      stage.setFormat(view.plan);
      stage.setStart(view.links.image);
      stage.describe(`${isOver ? "Video" : "Live picture"}: ${titleOf(view)}`);
      if (isOver && view.video) playback.useFile({ url: view.links.video, ...view.video });
      if (isOver) endLive();
      else if (hasPictures(view) && !live) startLive(viewsOffered(view)[0]);
      else if (trouble?.kind === "blocked" || trouble?.kind === "unsupported") playNewest(view);
      if (!hasPictures(view) || playback.source === "none") stage.show("start");
      stage.overlay.setNote(trouble?.kind === "picture" ? interruptedNote(trouble.seconds) : null);
      stage.overlay.setSlate(isLoading(view) ? loadingSlate(view.progress) : null);
    },
    /** Back to the live picture, or to another view of it. */
    choose(name) {
      if (name === viewName && live) playback.backToLive();
      else startLive(name);
    },
    close() {
      endLive();
      session = viewName = null;
      fetched = 0;
    },
  };
}

function isLoading({ state, progress }) {
  return state === "running" && (progress.phase === "waiting" || progress.phase === "loading");
}

function loadingSlate({ loading }) {
  const line = [loading, "It stays loaded, so the next video starts at once."].filter(Boolean).join(" ");
  return { title: "Loading the model", line, fraction: null };
}
