import { call, deleteSession, frameUrl, stopSession } from "./api.js";
import { createDesk } from "./desk.js";
import { decodedRanges, sectionsInTimelineOrder } from "./frame_map.js";
import { playoutsOf, watchLive } from "./live_picture.js";
import { createPlayback } from "./playback.js";
import { followSession } from "./session_feed.js";
import {
  announcement,
  doneNotification,
  fittingSize,
  interruptedNote,
  recipeText,
  sessionActions,
  sessionPill,
  sessionStatus,
} from "./session_words.js";
import { createStageHead } from "./stage_head.js";
import { createStage } from "./stage.js";
import { documentTitle, hasPictures, titleOf, viewsOffered } from "./words.js";

const byId = (id) => document.getElementById(id);
const isOver = (view) => ["completed", "stopped", "failed"].includes(view.state);

/**
 * One open session: what the server tells about it, its picture, and everything on the page that speaks of it.
 *
 * @param parts `timeline`, `status`, `announcer`
 * @param handlers `onView(view)` after each change · `onLeft(id)` when it was taken out of the queue · `onRefused(id)` when there is no
 *   such session · `onAgain(view, size)` to try a failed one again
 */
export function createSessionPage({ timeline, status, announcer }, { onView, onLeft, onRefused, onAgain }) {
  let head = null;
  const stage = createStage(byId("stage"), { onLayout: (layout) => head?.showLayout(layout) });
  head = createStageHead(stage);
  const playback = createPlayback(stage, {
    onFrame: (frame) => timeline.showFrame(frame),
    onChange: () => open && showTransport(),
  });
  const desk = createDesk(byId("desk"), {
    onPlay: (range) => playback.playRange(range),
    onSave: () => saveFrame(),
    onPick: (section) => pick(section, open.view.plan.sections[section - 1].start),
  });
  let open = null;
  let tick = 0;

  function close() {
    open?.feed.close();
    open?.live?.close();
    clearInterval(tick);
    open = null;
  }

  function show() {
    const { view } = open;
    const page = pageState();
    head.show(view, sessionPill(view, page));
    status.show(view, sessionStatus(view, page), sessionActions(view, page));
    showPicture(view, page);
    timeline.update(view, section());
    showTransport();
    desk.show(view, section(), timeline.cells());
    document.title = documentTitle(view);
  }

  /** What the page adds to the view: stopping, troubles, what the browser can do. */
  function pageState() {
    const { state, live, isStopping, wantsToBeTold } = open;
    const secondsTo = (ms) => Math.max(0, (ms - Date.now()) / 1000);
    let trouble = null;
    if (state.connection === "interrupted") trouble = { kind: "server", seconds: secondsTo(state.retryAtMs) };
    else if (live?.state.state === "interrupted") {
      trouble = { kind: "picture", seconds: secondsTo(live.state.retryAtMs) };
    } else if (["blocked", "unsupported"].includes(live?.state.state)) trouble = { kind: live.state.state, seconds: 0 };
    const canTell = "Notification" in globalThis && Notification.permission !== "denied" && !wantsToBeTold;
    return { isStopping: isStopping && !isOver(open.view), trouble, speed: state.speed, canTell };
  }

  function section() {
    return open.picked || open.view.timings.sections.length;
  }

  function showPicture(view, { trouble }) {
    stage.setFormat(view.plan);
    stage.setStart(view.links.image);
    stage.describe(`${isOver(view) ? "Video" : "Live picture"}: ${titleOf(view)}`);
    if (isOver(view) && view.video) {
      endLive();
      playback.useFile({
        url: view.links.video,
        firstFrameIndex: view.video.firstFrameIndex,
        frames: view.video.frames,
      });
    } else if (isOver(view)) endLive();
    else if (hasPictures(view) && !open.live) startLive(viewsOffered(view)[0]);
    if (!hasPictures(view) || playback.source === "none") stage.show("start");
    stage.overlay.setNote(trouble?.kind === "picture" ? interruptedNote(trouble.seconds) : null);
    const isLoading = view.state === "running" && ["waiting", "loading"].includes(view.progress.phase);
    stage.overlay.setSlate(isLoading ? loadingSlate(view.progress) : null);
  }

  function startLive(name) {
    stage.freeze();
    endLive();
    const mine = open;
    mine.viewName = name;
    let stream = null;
    mine.live = watchLive(`${mine.view.links.whep}?view=${name}`, (state) => {
      if (open !== mine) return;
      if (state.stream && state.stream !== stream) {
        stream = state.stream;
        playback.useLive({ stream, playouts: () => playoutsOf(mine.state.playouts, name, mine.live.state.codec) });
      }
      show();
    });
  }

  function endLive() {
    open.live?.close();
    open.live = null;
  }

  function showTransport() {
    const { view } = open;
    timeline.showPlaying(playback.state);
    const offered = isOver(view) || !hasPictures(view) ? [] : viewsOffered(view);
    timeline.showViews(offered, playback.source === "stills" ? null : open.viewName);
  }

  function pick(section, frame) {
    open.picked = section;
    const seekable = nearestDecoded(open.view, frame);
    if (seekable !== null) playback.seek(seekable);
    show();
  }

  async function saveFrame() {
    const { plan } = open.view;
    const canvas = new OffscreenCanvas(plan.widthPx, plan.heightPx);
    let source = stage.source;
    if (playback.source === "live") {
      // The live picture went through a lossy encoder: the frame itself is asked for.
      const response = await call(frameUrl(open.view.id, playback.frame, plan.widthPx));
      source = await createImageBitmap(await response.blob());
    }
    canvas.getContext("2d").drawImage(source, 0, 0, plan.widthPx, plan.heightPx);
    const url = URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
    save(url, `framecast-${open.view.id}-frame-${playback.frame}.png`);
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  const actions = {
    retry: () => open.feed.retryNow(),
    download: () => save(open.view.links.video, `framecast-${open.view.id}.mp4`),
    again: () => onAgain(open.view, fittingSize(open.view.problem)),
    obs: () => location.assign(`/obs?session=${open.view.id}`),
    async leave() {
      const { id } = open.view;
      close();
      await deleteSession(id);
      onLeft(id);
    },
    async stop() {
      open.isStopping = true;
      show();
      await stopSession(open.view.id);
    },
    async tell() {
      if (await Notification.requestPermission() === "granted") open.wantsToBeTold = true;
      show();
    },
  };

  return {
    close,
    pick: (section, frame) => pick(section, frame),
    seek(frame) {
      const seekable = nearestDecoded(open.view, frame);
      if (seekable !== null) playback.seek(seekable);
    },
    step(frames) {
      this.seek(playback.frame + frames);
    },
    /** To the start of the section `by` places further on the timeline. */
    stepSection(by) {
      const sections = sectionsInTimelineOrder(open.view.plan);
      const at = sections.findIndex(({ end }) => playback.frame < end);
      this.seek(sections[Math.min(sections.length - 1, Math.max(0, at + by))].start);
    },
    /** The section `by` places further in making order. */
    pickNext(by) {
      const next = section() + by;
      if (next >= 1 && next <= open.view.plan.sections.length) pick(next, open.view.plan.sections[next - 1].start);
    },
    toggle: () => playback.toggle(),
    stage,
    get view() {
      return open?.view ?? null;
    },
    act: (id) => actions[id](),
    textFor: () => recipeText(open.view),
    chooseView(name) {
      if (name === open.viewName && open.live) playback.backToLive();
      else startLive(name);
      show();
    },
    chooseViewAt(index) {
      const name = isOver(open.view) ? undefined : viewsOffered(open.view)[index];
      if (name) this.chooseView(name);
    },
    /** Opens a session and follows it until the next one is opened. */
    open(id) {
      close();
      const feed = followSession(id);
      open = {
        feed,
        state: feed.state,
        view: null,
        live: null,
        viewName: null,
        picked: 0,
        isStopping: false,
        wantsToBeTold: false,
      };
      const mine = open;
      feed.subscribe((state) => {
        if (open !== mine) return;
        if (state.connection === "refused" && !state.view) return onRefused(id);
        const before = mine.view;
        Object.assign(mine, { state, view: state.view });
        if (!state.view) return;
        if (!before) {
          timeline.open((frame, widthPx) => frameUrl(id, frame, widthPx));
          playback.open(state.view.plan, (frame, widthPx) => frameUrl(id, frame, widthPx));
        } else speak(before, state.view);
        show();
        onView(state.view);
      });
      // Only what counts down to the next try changes without an event.
      tick = setInterval(() => open?.view && pageState().trouble?.seconds > 0 && show(), 1000);
    },
  };

  function speak(before, after) {
    const words = announcement(before, after);
    if (words && after.state === "failed") announcer.alarm(words);
    else if (words) announcer.say(words);
    if (open.wantsToBeTold && !isOver(before) && isOver(after) && document.hidden) {
      const { title, body } = doneNotification(after);
      new Notification(title, { body, icon: "/favicon.svg" });
    }
  }
}

function loadingSlate({ loading }) {
  return {
    title: "Loading the model",
    line: `${loading ?? ""} It stays loaded, so the next video starts at once.`.trim(),
    fraction: null,
  };
}

/** The frame itself when it exists, else the nearest one that does; null when none does. */
function nearestDecoded(view, frame) {
  let best = null;
  for (const { start, end } of decodedRanges(view.frameMap)) {
    const near = Math.min(end - 1, Math.max(start, frame));
    if (best === null || Math.abs(near - frame) < Math.abs(best - frame)) best = near;
  }
  return best;
}

function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
