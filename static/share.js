import { copyOnClick } from "./copy.js";
import { element, icon } from "./element.js";

/** The addresses of a session as rows with a Copy button. */
export function shareRows(view) {
  const rows = [
    ["Watch page", view.links.watch],
    ["OBS source", view.links.embed],
    ["WHEP address", view.links.whep],
    ...(view.video ? [["MP4", view.links.video]] : []),
  ];
  return [
    ...rows.map(([name, path]) => shareRow(name, new URL(path, document.baseURI).href)),
    element("p", { class: "hint", text: "Anyone who can reach this server can open these links." }),
  ];
}

function shareRow(name, url) {
  const label = element("span", { text: "Copy" });
  const button = element(
    "button",
    { class: "button small", type: "button", "aria-label": `Copy ${name}` },
    icon("copy"),
    label,
  );
  copyOnClick(button, label, () => url);
  return element(
    "div",
    { class: "share-row" },
    element("b", { text: name }),
    // A WHEP address answers programs only.
    name === "WHEP address"
      ? element("span", { class: "one-line", text: url })
      : element("a", { class: "one-line", href: url, target: "_blank", text: url }),
    button,
  );
}
