import { deleteSession, listModels, listSessions } from "./api.js";
import { createAreas } from "./areas.js";
import { Compose } from "./compose.js";
import { showEngineChip } from "./engine_chip.js";
import { listenForKeys } from "./keys.js";
import { createPlanTimeline } from "./plan_timeline.js";
import { placePopovers } from "./popover.js";
import { addStyleSheets } from "./style_sheets.js";

const byId = (id) => document.getElementById(id);

const areas = createAreas();
const timeline = createPlanTimeline(byId("timeline"));
const compose = new Compose({
  onPlan: showPlan,
  onPicture: () => areas.compose(),
  onStarted: (view) => open(view.id),
});
let models = [];
let plan = null;
let openId = null;
/** Everything about an open session, and the list of all: their modules are loaded with the first session. */
let page = null;
let gallery = null;

function showPlan(next) {
  plan = next;
  if (openId === null) showNothing();
}

/** The page before a session is open: examples on the stage, the plan of the form on the timeline. */
function showNothing() {
  page?.close();
  document.title = "framecast";
  byId("welcome").hidden = byId("status-none").hidden = false;
  timeline.update({
    plan,
    state: "none",
    frameMap: [{ start: 0, end: plan.frames, state: "planned" }],
    progress: { section: 0, step: 0, steps: 1, phase: "waiting" },
  });
}

/** Opens a session; `history`: whether "back" leads to what was open before. */
async function open(id, history = "push") {
  openId = id;
  const address = new URL(`?session=${encodeURIComponent(id)}`, document.baseURI);
  if (history === "push" && location.href !== address.href) globalThis.history.pushState(null, "", address);
  else globalThis.history.replaceState(null, "", address);
  byId("obs-link").href = `obs?session=${encodeURIComponent(id)}`;
  const sessionPage = await loadPage();
  if (openId !== id) return;
  byId("welcome").hidden = byId("status-none").hidden = true;
  areas.watch();
  sessionPage.open(id);
  (await loadGallery()).look();
}

function leave() {
  globalThis.history.replaceState(null, "", ".");
  byId("obs-link").href = "obs";
  openId = null;
  showNothing();
  gallery?.look();
}

async function loadPage() {
  const [{ SessionPage }] = await Promise.all([
    import("./session_page.js"),
    addStyleSheets("stage.css", "playhead.css", "session.css"),
  ]);
  return page ??= new SessionPage(timeline, {
    onView: (view) => gallery?.put(view),
    onLeft: leave,
    onRefused: leave,
    onAgain: (view) => again(view),
  });
}

async function loadGallery() {
  const [{ Gallery }] = await Promise.all([import("./gallery.js"), addStyleSheets("sessions.css")]);
  return gallery ??= new Gallery(byId("sessions"), {
    onOpen: (id) => open(id),
    onForget: forget,
    onUseAgain: useAgain,
    onChange: learn,
    openId: () => openId,
    models: () => models,
    onList({ count, engine }) {
      areas.setSessionCount(count);
      compose.setEngine(engine);
    },
  });
}

/** A session has begun or ended: the chip is another one, and so is what is known of the machine's pace. */
async function learn() {
  chip.look();
  models = await listModels().catch(() => models);
  compose.setModels(models);
}

async function forget(id) {
  if (id === openId) leave();
  await deleteSession(id);
  gallery.look();
}

async function useAgain(view) {
  areas.compose();
  await compose.useAgain(view);
  compose.focusPrompt();
}

async function again(view) {
  const { tryAgain } = await import("./try_again.js");
  open((await tryAgain(view)).id);
}

/** The session the address names, else one that is running; else nothing is open. */
async function begin() {
  const asked = new URLSearchParams(location.search).get("session");
  if (asked) open(asked, "replace");
  const [known, sessions] = await Promise.all([listModels().catch(() => []), listSessions().catch(() => [])]);
  models = known;
  compose.setModels(models);
  if (sessions.length > 0) await loadGallery();
  const running = sessions.find(({ state }) => state === "running");
  if (running && openId === null) open(running.id, "replace");
}

addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("session");
  if (id) open(id, "replace");
  else leave();
});

placePopovers(document);
const chip = showEngineChip((health) => {
  if (health === null) compose.setEngine({ isReachable: false, isBusy: false, waitSeconds: null });
  else if (gallery === null && health.sessions.running + health.sessions.queued > 0) loadGallery();
  else if (gallery === null) compose.setEngine({ isReachable: true, isBusy: false, waitSeconds: 0 });
});
listenForKeys({
  start: () => compose.start(),
  prompt() {
    areas.compose();
    compose.focusPrompt();
  },
  page: () => page?.view ? page : null,
});
begin();
