import { createAnnouncer } from "./announce.js";
import { frameUrl, getSession } from "./api.js";
import { setText } from "./element.js";
import { decodedRanges, fractionMade, growsBackwards } from "./frame_map.js";
import { playoutsOf, watchLive } from "./live_picture.js";
import { showPill } from "./pill.js";
import { createPlayback } from "./playback.js";
import { followSession } from "./session_feed.js";
import { announcement, interruptedNote, sessionPill } from "./session_words.js";
import { watchLine } from "./watch_words.js";
import { documentTitle, hasPictures, titleOf, viewsOffered } from "./words.js";

const countEveryMs = 10_000; // how many are watching is not an event

const byId = (id) => document.getElementById(id);
const hasEnded = (view) => ["completed", "stopped", "failed"].includes(view.state);
const playsFile = (view) => hasEnded(view) && view.video !== null;

/**
 * One session for those who only watch: no desk, no selection, the file with the browser's own controls.
 * @param stage `createStage(…)`
 * @param loadTimeline `(handlers) => Promise of createTimeline(…)`, called when there is something for it to show
 */
export function createWatchPage(stage, loadTimeline) {
  let open = null;
  let timeline = null;
  const announcer = createAnnouncer(byId("polite"), byId("assertive"));
  const playback = createPlayback(stage, {
    onFrame: (frame) => timeline?.showFrame(frame),
    onChange: () => open?.view && showTransport(),
  });
  byId("retry").addEventListener("click", () => open.feed.retryNow());

  function update(state) {
    if (state.connection === "refused" && !state.view) return showGone();
    const before = open.view;
    Object.assign(open, { state, view: state.view });
    if (!state.view) return;
    if (before) speak(before, state.view);
    else {
      const url = (frame, widthPx) => frameUrl(state.view.id, frame, widthPx);
      playback.open(state.view.plan, url);
      open.viewers = state.view.viewers;
      if (!playsFile(state.view)) addTimeline(url);
    }
    show();
  }

  function speak(before, after) {
    const words = announcement(before, after);
    if (words && after.state === "failed") announcer.alarm(words);
    else if (words) announcer.say(words);
  }

  async function addTimeline(url) {
    timeline = await loadTimeline({ onToggle: () => playback.toggle(), onSeek: seek, onView: chooseView });
    timeline.open(url);
    show();
  }

  function show() {
    const { view } = open;
    const trouble = troubleOf(open);
    const line = watchLine(view, { viewName: open.viewName, trouble });
    showPill(byId("pill"), sessionPill(view, { isStopping: false, trouble }));
    byId("pill").hidden = false;
    setText(byId("title"), titleOf(view));
    setText(byId("bold"), line.bold);
    setText(byId("plain"), line.plain);
    byId("retry").hidden = trouble?.kind !== "server";
    showViewers();
    showTotal(view);
    showPicture(view, trouble);
    document.title = documentTitle(view);
    byId("timeline").hidden = !timeline || playsFile(view);
    if (!byId("timeline").hidden) timeline.update(view);
    showTransport();
  }

  function showViewers() {
    byId("viewers").hidden = hasEnded(open.view) || open.viewers === 0;
    setText(byId("viewers-text"), `${open.viewers} watching`);
  }

  function showPicture(view, trouble) {
    stage.setFormat(view.plan);
    stage.setStart(view.links.image);
    stage.describe(`${hasEnded(view) ? "Video" : "Live picture"}: ${titleOf(view)}`);
    stage.overlay.setNote(trouble?.kind === "picture" ? interruptedNote(trouble.seconds) : null);
    const hasFile = playsFile(view);
    byId("download").hidden = !hasFile;
    stage.video.controls = hasFile;
    if (hasFile) {
      byId("download").href = view.links.video;
      playback.useFile({ url: view.links.video, ...view.video });
    }
    if (hasEnded(view)) endLive();
    else if (hasPictures(view) && !open.live) startLive(viewsOffered(view)[0]);
    if (!hasPictures(view) || !stage.shows) stage.show("start");
  }

  function startLive(name) {
    endLive();
    let stream = null;
    let wasLive = false;
    open.viewName = name;
    open.live = watchLive(`${open.view.links.whep}?view=${name}`, (live) => {
      if (live.state === "closed") return;
      if (live.state === "live" && !wasLive) count();
      wasLive = live.state === "live";
      if (live.stream && live.stream !== stream) {
        stream = live.stream;
        playback.useLive({ stream, playouts: () => playoutsOf(open.state.playouts, name, open.live.state.codec) });
      }
      show();
    });
  }

  function endLive() {
    open.live?.close();
    open.live = null;
  }

  function showTransport() {
    if (!timeline) return;
    timeline.showPlaying(playback.state);
    const offered = hasEnded(open.view) || !hasPictures(open.view) ? [] : viewsOffered(open.view);
    timeline.showViews(offered.length > 1 ? offered : [], playback.source === "stills" ? null : open.viewName);
  }

  function chooseView(name) {
    if (name === open.viewName && open.live) playback.backToLive();
    else startLive(name);
    show();
  }

  /** The frame itself when it exists, else the nearest one that does. */
  function seek(place) {
    const frame = Math.min(place, open.view.plan.frames - 1);
    const near = decodedRanges(open.view.frameMap).map(({ start, end }) => Math.min(end - 1, Math.max(start, frame)));
    if (near.length > 0) playback.seek(near.reduce((a, b) => Math.abs(b - frame) < Math.abs(a - frame) ? b : a));
  }

  async function count() {
    if (document.hidden || !open?.view || hasEnded(open.view)) return;
    const view = await getSession(open.view.id).catch(() => null);
    if (!view) return; // the line under the picture tells when the server is away
    open.viewers = view.viewers;
    showViewers();
  }

  return {
    /** Opens a session and follows it as long as the page is there. */
    open(id) {
      const feed = followSession(id);
      open = { feed, state: feed.state, view: null, live: null, viewName: null, viewers: 0 };
      feed.subscribe(update);
      setInterval(count, countEveryMs);
      // Only what counts down to the next try changes without an event.
      setInterval(() => open.view && troubleOf(open)?.seconds > 0 && show(), 1000);
    },
    toggle: () => playback.toggle(),
    seek,
    step: (frames) => seek(playback.frame + frames),
    stepSection(by) {
      const starts = open.view.plan.sections.map(({ start }) => start).sort((a, b) => a - b);
      const at = starts.findLastIndex((start) => start <= playback.frame);
      seek(starts[Math.max(0, Math.min(starts.length - 1, at + by))]);
    },
  };
}

/** What is wrong with the page, not with the video: `{ kind, seconds }` as `session_words.js` has it, or null. */
function troubleOf({ state, live }) {
  const secondsTo = (ms) => Math.max(0, (ms - Date.now()) / 1000);
  if (state.connection === "interrupted") return { kind: "server", seconds: secondsTo(state.retryAtMs) };
  const name = live?.state.state;
  if (name === "interrupted") return { kind: "picture", seconds: secondsTo(live.state.retryAtMs) };
  return name === "blocked" || name === "unsupported" ? { kind: name, seconds: 0 } : null;
}

function showTotal(view) {
  const line = byId("total-line");
  line.hidden = view.state !== "running";
  line.dataset.from = growsBackwards(view.plan) ? "end" : "start";
  line.firstElementChild.style.width = `${100 * fractionMade(view.progress)}%`;
}

function showGone() {
  byId("gone").hidden = false;
  document.title = "There is no such video · framecast";
  document.querySelector(".under-picture").hidden = true;
  byId("copy-link").hidden = true;
}
