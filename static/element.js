/**
 * Makes one element. Keys are attributes, but `class`, `text` and those starting with `on` (listeners).
 * `null`, `undefined` and `false` leave an attribute out; `true` writes it empty.
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A picture from `icons.svg`; says nothing to a screen reader, so what it stands in needs a name. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Changes the icon of a button that holds one. */
export function setIcon(button, name) {
  const use = button.querySelector("use");
  const href = `icons.svg#${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Writes text only when it differs, so that nothing is laid out or announced twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
