import { deleteSession, listModels, startSession } from "./api.js";
import { createAnnouncer } from "./announce.js";
import { createAreas } from "./areas.js";
import { createCompose } from "./compose.js";
import { showEngineChip } from "./engine_chip.js";
import { listenForKeys } from "./keys.js";
import { placePopovers } from "./popover.js";
import { followSessions, waitSeconds } from "./session_list.js";
import { nothingYet } from "./session_words.js";
import { createSessions } from "./sessions.js";
import { createStatusLine } from "./status_line.js";
import { createTimeline } from "./timeline.js";

const byId = (id) => document.getElementById(id);

const areas = createAreas();
const announcer = createAnnouncer(byId("polite"), byId("assertive"));
const timeline = createTimeline(byId("timeline"), {
  onToggle: () => page?.toggle(),
  onSeek: (frame) => page?.seek(frame),
  onPick: (section, frame) => page?.pick(section, frame),
  onView: (name) => page?.chooseView(name),
});
const status = createStatusLine(byId("status"), byId("total-line"), {
  onAction: (id) => page.act(id),
  textFor: () => page.textFor(),
});
const compose = createCompose({ onPlan: showPlan, onStarted: (view) => open(view.id) });
const sessions = createSessions(byId("sessions"), {
  onOpen: (id) => open(id),
  onLeave: forget,
  onDelete: forget,
  async onUseAgain(view) {
    areas.compose();
    const response = await fetch(view.links.image);
    await compose.useAgain(view, await response.blob());
    compose.focusPrompt();
  },
});
let models = [];
let known = [];
let plan = null;
let openId = null;
/** Everything about an open session; its modules are loaded with the first one. */
let page = null;
const list = followSessions(() => openId, showList);

function showPlan(next, schedule) {
  plan = { plan: next, settings: { schedule } };
  if (openId === null) showNothing();
}

/** The page before any session is open: examples on the stage, the plan of the form on the timeline. */
function showNothing() {
  page?.close();
  openId = null;
  document.title = "framecast";
  byId("welcome").hidden = false;
  byId("stage-head").hidden = byId("desk").hidden = true;
  page?.stage.setFormat(null);
  status.show(null, nothingYet, []);
  timeline.open(null);
  timeline.showViews([], null);
  timeline.update({
    ...plan,
    state: "none",
    frameMap: [{ start: 0, end: plan.plan.frames, state: "planned" }],
    progress: { section: 0, step: 0, steps: 1, phase: "waiting" },
  });
}

async function open(id, history = "push") {
  openId = id;
  const { createSessionPage } = await import("./session_page.js");
  page ??= createSessionPage({ timeline, status, announcer }, {
    onView: showOpenView,
    onLeft: (left) => left === openId && leave(),
    onRefused: () => leave(),
    onAgain: tryAgain,
  });
  if (openId !== id) return;
  byId("welcome").hidden = true;
  const address = `/?session=${encodeURIComponent(id)}`;
  if (history === "push" && location.search !== new URL(address, location.href).search) {
    globalThis.history.pushState(null, "", address);
  } else globalThis.history.replaceState(null, "", address);
  byId("obs-link").href = `/obs?session=${encodeURIComponent(id)}`;
  areas.watch();
  page.open(id);
  list.look();
}

function leave() {
  globalThis.history.replaceState(null, "", "/");
  byId("obs-link").href = "/obs";
  openId = null;
  showNothing();
  list.look();
}

/** The open session is newer than the list: it takes its place there. */
function showOpenView(view) {
  const before = known.find(({ id }) => id === view.id);
  known = before ? known.map((each) => each.id === view.id ? view : each) : [view, ...known];
  showKnown();
  if (before && before.state !== view.state) learn();
}

/** A session has begun or ended: the list, the chip and what is known of the machine's pace are other ones. */
async function learn() {
  list.look();
  chip.look();
  models = await listModels().catch(() => models);
  compose.setModels(models);
}

function showList(next) {
  if (next !== null) known = next;
  showKnown(next === null ? "lost" : "reached");
}

function showKnown(server = "reached") {
  sessions.update({ sessions: known, openId, models });
  areas.setSessionCount(known.length);
  const isBusy = known.some(({ state }) => state === "running" || state === "queued");
  compose.setEngine({ isReachable: server === "reached", isBusy, waitSeconds: waitSeconds(known, models) });
}

async function forget(id) {
  if (id === openId) leave();
  await deleteSession(id);
  list.look();
}

async function tryAgain(view, size) {
  const response = await fetch(view.links.image);
  const { prompt, negativePrompt, durationSeconds, seed, steps, guidance, schedule, model, keepRecipe } = view.settings;
  const { widthPx, heightPx } = size ?? view.plan;
  const again = await startSession({
    image: await response.blob(),
    name: "start",
    settings: {
      prompt,
      negativePrompt,
      durationSeconds,
      seed,
      steps,
      guidance,
      schedule,
      model,
      keepRecipe,
      resolution: `${widthPx}x${heightPx}`,
    },
  }, () => {});
  open(again.id);
}

/** The session the address names, else one that is running; else nothing is open. */
async function begin() {
  const asked = new URLSearchParams(location.search).get("session");
  if (asked) open(asked, "replace");
  [models] = await Promise.all([listModels().catch(() => []), list.look()]);
  compose.setModels(models);
  showKnown();
  const running = known.find(({ state }) => state === "running");
  if (!asked && running && openId === null) open(running.id, "replace");
}

addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("session");
  if (id) open(id, "replace");
  else leave();
});

listenForKeys({
  start: () => compose.start(),
  prompt() {
    areas.compose();
    compose.focusPrompt();
  },
  toggle: () => page?.view && page.toggle(),
  step: (frames) => page?.view && page.step(frames),
  stepSection: (by) => page?.view && page.stepSection(by),
  ends: (end) => page?.view && page.seek(end === "start" ? 0 : page.view.plan.frames - 1),
  pickNext: (by) => page?.view && page.pickNext(by),
  view: (index) => page?.view && page.chooseViewAt(index),
  fullScreen: () => page?.view && page.stage.toggleFullScreen(),
  scaling: () => page?.view && page.stage.toggleScaling(),
});
placePopovers();
const chip = showEngineChip();
begin();
