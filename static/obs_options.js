/**
 * The choices on the OBS help page: each an option of the addresses, the first value of each is what happens without it.
 * @module
 */
import { element } from "./element.js";
import { labelLengthMax } from "./embed_options.js";
import { viewWords } from "./measures.js";

const ends = [["loop", "Loop"], ["hold", "Hold last frame"], ["slate", "Slate"], ["none", "Nothing"]];

const choices = (kind) => [
  ["What plays", "view", [["", "Automatic"], ...Object.entries(viewWords)]],
  ["Until more is made", "wait", [
    ["", "Automatic"],
    ["hold", "Hold"],
    ["loop", "Loop"],
    ["ping-pong", "Back and forth"],
    ["slow", "Slow down"],
  ]],
  ["Previews of a section", "previews", [["", "Shown"], ["hidden", "Hidden"]]],
  ["Small pictures", "scale", [["", "Sharp"], ["smooth", "Smooth"]]],
  ["Fit", "fit", [["", "Whole picture"], ["cover", "Fill the source"]]],
  ["While waiting", "slate", [["", "Slate"], ["note", "Small note"], ["none", "Nothing"]]],
  [
    "When finished",
    "end",
    kind === "channel" ? [["", "Play once, then slate"], ...ends] : [["", "Loop"], ...ends.slice(1)],
  ],
];

/** Fills a form; its `change` events name the option. */
export function showOptions(form, kind) {
  form.replaceChildren(
    ...choices(kind).map(([title, name, values]) => row(title, segments(title, name, values))),
    row("Label", text("Label", "label", "none, prompt, or your own words", labelLengthMax)),
    row("Background", text("Background", "background", "none, or a colour such as 101010", 40)),
  );
}

function row(title, field) {
  return element("div", {}, element("span", { text: title, "aria-hidden": "true" }), field);
}

function segments(title, name, values) {
  const group = element("div", { class: "segments", role: "radiogroup", "aria-label": title });
  for (const [index, [value, words]] of values.entries()) {
    const input = element("input", { type: "radio", name, value, checked: index === 0 });
    group.append(element("label", {}, input, words));
  }
  return group;
}

function text(title, name, placeholder, maxlength) {
  return element("input", { type: "text", name, placeholder, maxlength, "aria-label": title, autocomplete: "off" });
}
