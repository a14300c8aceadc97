import { getSession, listSessions } from "./api.js";
import { watchContents } from "./contents.js";
import { copyIconButton } from "./copy.js";
import { element, setText } from "./element.js";
import { writeEmbedOptions } from "./embed_options.js";
import { showEngineChip } from "./engine_chip.js";
import { smallSidePx } from "./fit.js";
import { pixelSize, plural, viewWords } from "./measures.js";
import { titleOf, viewsOffered } from "./words.js";

const lookEveryMs = 3000;
const enlargement = 4; // tiny videos: a source of this many times their size, so that sharp pixels stay whole
const endStates = ["completed", "stopped", "failed"];

const byId = (id) => document.getElementById(id);
const page = { session: null, options: {} };
let timer = 0;

showEngineChip();
watchContents();
byId("session").addEventListener("change", ({ target }) => choose(target.value));
byId("option-fields").addEventListener("change", ({ target }) => {
  page.options[target.name] = target.value;
  show();
});
document.addEventListener("visibilitychange", () => !document.hidden && look());
await listAll();
await choose(new URLSearchParams(location.search).get("session") ?? "latest");
byId("picker").hidden = page.id !== "latest";

async function listAll() {
  const sessions = await listSessions().catch(() => []);
  byId("session").append(
    ...sessions.map((view) =>
      element("option", { value: view.id, text: `${titleOf(view).slice(0, 60)} (${view.state})` })
    ),
  );
}

/** Another session, or "latest": the page is about the newest one then, but the address stays. */
async function choose(id) {
  page.id = id;
  page.session = id === "latest" ? await newest() : await getSession(id).catch(() => null);
  if (page.session && ![...byId("session").options].some(({ value }) => value === id)) page.id = "latest";
  byId("session").value = page.id;
  page.options = {};
  showOptions();
  show();
  look();
}

async function newest() {
  const sessions = await listSessions().catch(() => []);
  return sessions.find(({ state }) => state === "running") ??
    sessions.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))[0] ?? null;
}

function embedUrl() {
  return writeEmbedOptions(new URL(`embed/${page.id}`, document.baseURI), page.options);
}

function show() {
  const { widthPx = 512, heightPx = 512 } = page.session?.plan ?? {};
  const times = Math.max(widthPx, heightPx) <= smallSidePx ? enlargement : 1;
  byId("values").replaceChildren(
    value("URL", embedUrl(), "copy"),
    value("Width", String(widthPx * times), "copy"),
    value("Height", String(heightPx * times), "copy"),
    value("Custom frame rate", "on, 30"),
    value("Control audio", "off, the video has no sound"),
    value("Shut down source when not visible", "off, so a scene change keeps the connection"),
  );
  const { links } = page.session ?? {};
  const absolute = (path) => new URL(path, document.baseURI).href;
  byId("addresses").replaceChildren(
    value("WHEP", links ? absolute(links.whep) : "Make a video first", links ? "copy" : "text"),
    value(
      "MP4",
      page.session?.video ? absolute(links.video) : "There when the video is finished",
      page.session?.video ? "copy" : "text",
    ),
  );
}

function value(name, text, kind = "text") {
  const isCode = kind === "copy";
  const copy = isCode ? copyIconButton(name, () => text) : null;
  const words = element("span", { class: isCode ? "mono" : null, text });
  return element("div", {}, element("dt", { text: name }), element("dd", {}, words, copy));
}

/** The choices that mean something for this session. The first of each is what happens without it. */
function showOptions() {
  const views = page.id === "latest" || !page.session ? [] : viewsOffered(page.session);
  const ends = { loop: "Loop", hold: "Hold last frame", slate: "Slate", none: "Nothing" };
  const between = { "": "Play once, then slate", ...ends };
  byId("option-fields").replaceChildren(
    ...(views.length > 1 ? [choice("What plays", "view", views.map((name) => [name, viewWords[name]]))] : []),
    choice("Small pictures", "scale", [["", "Sharp"], ["smooth", "Smooth"]]),
    choice("While waiting", "slate", [["", "Slate"], ["note", "Small note"], ["none", "Nothing"]]),
    choice("When finished", "end", Object.entries(page.id === "latest" ? between : ends)),
  );
}

function choice(title, name, values) {
  const segments = element("div", { class: "segments", role: "radiogroup", "aria-label": title });
  for (const [index, [key, words]] of values.entries()) {
    const input = element("input", { type: "radio", name, value: index === 0 ? "" : key, checked: index === 0 });
    segments.append(element("label", {}, input, words));
  }
  return element("div", {}, element("span", { text: title, "aria-hidden": "true" }), segments);
}

/** Whether somebody watches. Viewers are counted by the server; the small picture on this page is one of them. */
async function look() {
  clearTimeout(timer);
  const view = page.session && await getSession(page.session.id).catch(() => null);
  const preview = byId("preview");
  const own = preview.contentDocument?.querySelector("video")?.srcObject ? 1 : 0;
  const viewers = Math.max(0, (view?.viewers ?? 0) - own);
  const hasEnded = view !== null && endStates.includes(view.state);
  const dot = document.querySelector(".check-state .dot");
  dot.hidden = viewers === 0;
  setText(
    byId("check-bold"),
    viewers > 0
      ? `${plural(viewers, "viewer")} ${viewers === 1 ? "is" : "are"} watching this video`
      : hasEnded
      ? "The video has ended"
      : "Nothing is connected yet",
  );
  const facts = view ? `${pixelSize(view.plan)}, ${view.plan.frameRate} frames per second.` : "";
  setText(
    byId("check-plain"),
    viewers > 0 || hasEnded ? `${facts} This is what the address shows.` : view ? "" : "There is no video to show yet.",
  );
  showPreview(preview, viewers > 0 || hasEnded ? embedUrl() : null);
  if (!document.hidden) timer = setTimeout(look, lookEveryMs);
}

function showPreview(frame, url) {
  frame.hidden = url === null;
  if ((frame.getAttribute("src") ?? null) === url) return;
  if (url === null) frame.removeAttribute("src");
  else frame.src = url;
}
