/**
 * The options of the OBS page, as they stand in its address. Pure: no DOM.
 * @module
 */

export const embedOptions = {
  view: ["arrival", "edge"],
  scale: ["sharp", "smooth"],
  slate: ["center", "note", "none"],
  end: ["loop", "hold", "slate", "none"],
  fit: ["contain", "cover"],
};

/**
 * Reads the options of an address; unknown names and values are ignored. `undefined`: the session decides (`view`: by its
 * order, `scale`: by its size, `end`: loop for one session, a slate between the sessions of `/embed/latest`).
 */
export function readEmbedOptions(search) {
  const query = new URLSearchParams(search);
  const chosen = (name) => embedOptions[name].find((value) => value === query.get(name));
  return {
    view: chosen("view"),
    scale: chosen("scale"),
    slate: chosen("slate") ?? "center",
    end: chosen("end"),
    fit: chosen("fit") ?? "contain",
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
