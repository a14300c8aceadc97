import { getSession, listSessions } from "./api.js";
import { watchContents } from "./contents.js";
import { copyIconButton } from "./copy.js";
import { element, setText } from "./element.js";
import { showEngineChip } from "./engine_chip.js";
import { smallSidePx } from "./fit.js";
import { addressesOf, isChannelName, playCommands } from "./obs_addresses.js";
import { watchAddress } from "./obs_check.js";
import { showOptions } from "./obs_options.js";
import { titleOf } from "./words.js";

const enlargement = 4; // tiny videos: a source of this many times their size, so that sharp pixels stay whole
const canvas = { widthPx: 1920, heightPx: 1080 }; // what most scenes have; a channel's videos are fitted into it

const byId = (id) => document.getElementById(id);
const page = { target: { kind: "channel", name: "latest" }, session: null, options: {} };
const addresses = () => addressesOf(document.baseURI, page.target, page.options);
const look = watchAddress(() => ({ target: page.target, embed: addresses().embed }));

showEngineChip();
watchContents();
byId("target").addEventListener("submit", (event) => event.preventDefault());
byId("target").addEventListener("input", choose);
byId("option-fields").addEventListener("submit", (event) => event.preventDefault());
byId("option-fields").addEventListener("input", ({ target }) => {
  page.options[target.name] = target.value.trim();
  show();
  look();
});
await start(new URLSearchParams(location.search));

/** `?session=` and `?channel=` say what the page is about. */
async function start(query) {
  const sessions = await listSessions().catch(() => []);
  byId("session").append(
    ...sessions.map((view) =>
      element("option", { value: view.id, text: `${titleOf(view).slice(0, 60)} (${view.state})` })
    ),
  );
  byId("target").elements.kind[1].disabled = sessions.length === 0;
  const wanted = query.get("session");
  if (sessions.some(({ id }) => id === wanted)) {
    byId("target").elements.kind.value = "session";
    byId("session").value = wanted;
  } else if (query.has("channel")) byId("channel").value = query.get("channel");
  await choose();
}

async function choose() {
  const kind = byId("target").elements.kind.value;
  const name = kind === "channel" ? byId("channel").value.trim() : byId("session").value;
  byId("channel-field").hidden = byId("channel-words").hidden = byId("channel-sample").hidden = kind !== "channel";
  byId("session-field").hidden = kind !== "session";
  const isWrong = kind === "channel" && !isChannelName(name);
  byId("channel").setAttribute("aria-invalid", String(isWrong));
  setText(byId("target-words"), wordsFor(kind, name, isWrong));
  if (isWrong) return;
  if (kind !== page.shownKind) showOptions(byId("option-fields"), kind);
  if (kind !== page.shownKind) page.options = {};
  Object.assign(page, { target: { kind, name }, shownKind: kind, session: null });
  if (kind === "session") page.session = await getSession(name).catch(() => null);
  show();
  look();
}

function wordsFor(kind, name, isWrong) {
  if (isWrong) {
    return "A name has letters, digits, - and _, begins with a letter or a digit, and has 64 of them at most.";
  }
  return kind === "channel" && name === "latest" ? "Always the newest video: all videos are on this channel." : "";
}

function show() {
  const { embed, liveTs, whep } = addresses();
  const { widthPx, heightPx } = page.session?.plan ?? canvas;
  const times = Math.max(widthPx, heightPx) <= smallSidePx ? enlargement : 1;
  byId("browser-values").replaceChildren(
    value("URL", embed, "copy"),
    value("Width", String(widthPx * times), "copy"),
    value("Height", String(heightPx * times), "copy"),
    value("Control audio", "off, the video has no sound"),
    value("Custom frame rate", "on, 30"),
    value("Shut down source when not visible", "off, so a scene change keeps the connection"),
  );
  byId("media-values").replaceChildren(
    value("Local File", "off"),
    value("Network Buffering", "0 MB"),
    value("Input", liveTs, "copy"),
    value("Input Format", "mpegts", "copy"),
    value("Reconnect Delay", "1 S"),
    value("Hardware decoding", "off; the picture is small"),
    value("Restart playback when source becomes active", "off, so a scene change keeps the connection"),
    value("Show nothing when playback ends", "off, so the last frame stays"),
    value("Close file when inactive", "off, so a scene change keeps the connection"),
  );
  byId("addresses").replaceChildren(
    ...playCommands(liveTs).map(([program, command]) => value(program, command, "copy")),
    value("WHEP", whep, "copy"),
  );
  showChannelSample();
  showDownload();
}

function value(name, text, kind = "text") {
  const isCode = kind === "copy";
  const copy = isCode ? copyIconButton(name, () => text) : null;
  const words = element("span", { class: isCode ? "mono" : null, text });
  return element("div", {}, element("dt", { text: name }), element("dd", {}, words, copy));
}

function showChannelSample() {
  const { kind, name } = page.target;
  if (kind !== "channel") return;
  const url = new URL("api/sessions", document.baseURI).href;
  const field = name === "latest" ? "stage" : name;
  byId("channel-sample").replaceChildren(
    value("curl", `curl ${url} -F channel=${field} -F image=@cat.png -F prompt="The cat jumps."`, "copy"),
  );
}

function showDownload() {
  const video = page.session?.video;
  byId("file-download").replaceChildren(
    video
      ? element("a", { href: page.session.links.video, download: "", text: "video.mp4" })
      : page.session
      ? "It is there when the video is finished."
      : "Choose One video above, or find it in the studio.",
  );
}
