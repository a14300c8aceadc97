/**
 * The address of the OBS page: what it shows, and the options that stand in its query. Pure: no DOM.
 * @module
 */

/** The options with a list of values. */
export const embedOptions = {
  view: ["arrival", "growing", "timeline", "edge"],
  wait: ["hold", "loop", "ping-pong", "slow"],
  previews: ["shown", "hidden"],
  scale: ["sharp", "smooth"],
  slate: ["center", "note", "none"],
  end: ["loop", "hold", "slate", "none"],
  fit: ["contain", "cover"],
  muted: ["1", "0"],
};

export const labelLengthMax = 80;

/**
 * What an address of the page shows: one session, or a channel, which goes from session to session. `latest` is the
 * channel that all sessions are on.
 * @param {string} pathname may begin with the path that the server stands below
 * @returns {{ kind: "session" | "channel", name: string }}
 */
export function readEmbedAddress(pathname) {
  const [parent, last] = pathname.split("/").slice(-2);
  const name = decoded(last);
  return { kind: parent === "channel" || name === "latest" ? "channel" : "session", name };
}

/**
 * Reads the options of an address; unknown names and values are ignored. `undefined`: the server decides (`view`, `wait`,
 * `previews`), or the video (`scale`: by its size, `end`: a session loops, a channel plays a video once).
 */
export function readEmbedOptions(search) {
  const query = new URLSearchParams(search);
  const chosen = (name) => embedOptions[name].find((value) => value === query.get(name));
  return {
    view: chosen("view"),
    wait: chosen("wait"),
    previews: chosen("previews"),
    scale: chosen("scale"),
    slate: chosen("slate") ?? "center",
    end: chosen("end"),
    fit: chosen("fit") ?? "contain",
    sound: chosen("muted") === "0" ? "on" : "off",
    label: labelOf(query.get("label")),
    background: colorOf(query.get("background")),
  };
}

/** An address with these options; those that say nothing new are left out. */
export function writeEmbedOptions(url, options) {
  const next = new URL(url);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return next.href;
}

/** `null` without one, `"prompt"` for the words of the video, else the words themselves in one line, cut when too long. */
function labelOf(value) {
  const words = (value ?? "").replace(/[\s\p{Cc}]+/gu, " ").trim();
  return words === "" || words === "none" ? null : [...words].slice(0, labelLengthMax).join("");
}

/** A CSS colour: `101010` and `#101010`, a name, or one of the functions with numbers. `null` is transparent. */
function colorOf(value) {
  const color = (value ?? "").trim().toLowerCase();
  const digits = color.replace(/^#/, "");
  if (/^[\da-f]+$/.test(digits) && [3, 4, 6, 8].includes(digits.length)) return `#${digits}`;
  const isNamed = /^[a-z]{3,24}$/.test(color) && color !== "transparent";
  return isNamed || /^(rgb|hsl)a?\([\d.,%/ deg]{5,40}\)$/.test(color) ? color : null;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
