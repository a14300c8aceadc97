/**
 * What is up on the OBS page, from what is known. Pure: no DOM, no clock.
 * @module
 */
import { connecting, finished, nextVideo, noPicture, slateFor } from "./slate.js";
import { hasPictures } from "./words.js";

/**
 * @typedef {object} Facts
 * @property {"session" | "channel"} kind what the address is one of
 * @property {"there" | "missing"} address "missing": the server says that it has no such thing
 * @property {object | null} view of the session, or of the one that the channel is on; null while none is known
 * @property {object | null} pictured view of the session that the live picture shows; a channel may show one that has ended
 *   while the next one is on
 * @property {"nothing" | "frames" | "gap" | "slate" | "last"} live what the live picture shows. "nothing": it has no picture
 *   yet; "gap": a place of the video that is not made yet, drawn with the progress; "slate": no place at all; "last": the
 *   frame before a change that has not come through yet
 * @property {"up" | "interrupted" | "gone" | "impossible"} line "gone": interrupted for so long that words are due
 * @property {"none" | "playing"} file
 */

/**
 * @typedef {object} Scene
 * @property {"live" | "last" | "file" | "none"} picture
 * @property {import("./slate.js").Slate | null} slate
 * @property {"Reconnecting" | null} note
 * @property {string | null} label words on the picture
 */

const endStates = new Set(["completed", "stopped", "failed"]);
const nothing = { picture: "none", slate: null };

export const hasEnded = (view) => view !== null && endStates.has(view.state);

/** How an ended video goes on: as the options say, else a session loops and a channel plays its video once. */
export const endOf = (kind, options) => options.end ?? (kind === "session" ? "loop" : "once");

/**
 * @param {Facts} facts
 * @param {object} options of `readEmbedOptions`
 * @returns {Scene}
 */
export function sceneFor(facts, options) {
  const end = endOf(facts.kind, options);
  const isShown = options.slate === "center"; // a gap tells its progress itself, unless it is to be seen elsewhere or not at all
  const live = facts.live !== "gap" ? facts.live : isShown ? "frames" : "slate";
  const scene = facts.kind === "session" ? ofSession({ ...facts, live }, end) : ofChannel({ ...facts, live }, end);
  const { picture, slate = null, note = null } = scene;
  return { picture, slate, note, label: picture === "none" ? null : labelFor(options.label, facts) };
}

function ofSession(facts, end) {
  const { view, live, file } = facts;
  if (file === "playing") return { picture: "file" };
  if (hasEnded(view)) {
    if (end === "none") return nothing;
    if (!view.video && !hasPictures(view)) return { ...nothing, slate: noPicture };
    if (end === "slate") return { ...nothing, slate: view.video ? finished(view.video) : noPicture };
  }
  const words = () => {
    if (view === null || hasEnded(view)) return connecting;
    return hasPictures(view) && live === "nothing" ? connecting : slateFor(view);
  };
  return ofLive(facts, words);
}

function ofChannel(facts, end) {
  const { view, pictured, live } = facts;
  const between = end === "none" ? null : nextVideo;
  if ((end === "none" || end === "slate") && hasEnded(pictured) && live !== "slate") {
    return { ...nothing, slate: between };
  }
  return ofLive(facts, () => {
    if (live === "nothing") return connecting;
    return view === null || hasEnded(view) ? between : slateFor(view);
  });
}

/** @param words the slate for a line that is up */
function ofLive({ address, live, line }, words) {
  if (address === "missing") return { ...nothing, slate: noPicture };
  const isInterrupted = line === "interrupted" || line === "gone";
  if (live !== "frames" && live !== "last") {
    return { ...nothing, slate: isInterrupted ? connecting : line === "impossible" ? noPicture : words() };
  }
  const picture = live === "last" ? "last" : "live";
  return line === "gone" ? { picture, slate: connecting } : { picture, note: isInterrupted ? "Reconnecting" : null };
}

function labelFor(label, { view, pictured }) {
  if (label !== "prompt") return label;
  return (pictured ?? view)?.settings.prompt.replace(/\s+/g, " ").trim() || null;
}
