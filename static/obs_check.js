/**
 * Whether a program watches the address, and a small picture of what it sees.
 * @module
 */
import { call, getSession } from "./api.js";
import { setText } from "./element.js";
import { hasEnded } from "./embed_scene.js";
import { pixelSize } from "./measures.js";

const lookEveryMs = 3000;
const byId = (id) => document.getElementById(id);

/** Looks again and again while the page can be seen. @returns what looks at once, after a change of the address */
export function watchAddress(current) {
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    const { target, embed } = current();
    const facts = await factsOf(target);
    if (embed === current().embed) show(facts, embed);
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, lookEveryMs);
  };
  document.addEventListener("visibilitychange", () => document.hidden || look());
  return look;
}

/** `{ viewers, view }`; `view` of the session, or of the one that the channel is on; null when there is none. */
async function factsOf({ kind, name }) {
  try {
    if (kind === "session") {
      const view = await getSession(name);
      return { viewers: view.viewers, view };
    }
    const channel = await (await call(`api/channels/${encodeURIComponent(name)}`)).json();
    return { viewers: channel.viewers, view: channel.session && await getSession(channel.session.id) };
  } catch {
    return { viewers: 0, view: null };
  }
}

/** Viewers are counted by the server; the small picture on this page is one of them. */
function show({ viewers, view }, url) {
  const preview = byId("preview");
  const own = preview.contentDocument?.querySelector("video")?.srcObject ? 1 : 0;
  const others = Math.max(0, viewers - own);
  document.querySelector(".check-state .dot").hidden = others === 0;
  setText(byId("check-bold"), boldWords(others, view));
  const facts = view ? `${pixelSize(view.plan)}, ${view.plan.frameRate} frames per second. ` : "";
  const isShown = others > 0 || hasEnded(view);
  setText(byId("check-plain"), isShown ? `${facts}This is what the address shows.` : "");
  preview.hidden = !isShown;
  if (isShown && preview.getAttribute("src") !== url) preview.src = url;
  else if (!isShown) preview.removeAttribute("src");
}

function boldWords(others, view) {
  if (others === 1) return "A program is watching this address";
  if (others > 1) return `${others} programs are watching this address`;
  return hasEnded(view) ? "The video has ended" : "Nothing is connected yet";
}
