/**
 * The chip of the top bar: what the engine is and does, and its panel.
 * @module
 */
import { getHealth, listModels } from "./api.js";
import { element, setText } from "./element.js";
import { engineInWords } from "./engine_words.js";
import { pixelSize } from "./measures.js";

const lookEveryMs = 5000; // health has no event stream

/**
 * Keeps `#engine-chip` and `#engine-facts` true while the page is visible.
 * @param onHealth `(health | null)` after each look; null while the server cannot be reached
 * @returns `{ look() }` looks at once
 */
export function showEngineChip(onHealth = () => {}) {
  const chip = document.getElementById("engine-chip");
  const facts = document.getElementById("engine-facts");
  const prefix = element("span", { class: "chip-prefix" });
  const rest = element("span");
  chip.querySelector(".chip-text").replaceChildren(prefix, rest);
  let timer = 0;

  async function look() {
    clearTimeout(timer);
    const health = await getHealth().catch(() => null);
    const words = engineInWords(health);
    setText(prefix, words.prefix);
    setText(rest, words.rest);
    chip.dataset.look = words.look;
    chip.querySelector(".dot, .ring").className = words.mark;
    onHealth(health);
    if (!document.hidden) timer = setTimeout(look, lookEveryMs);
    return health;
  }

  async function fill() {
    const [health, models] = await Promise.all([look(), listModels().catch(() => [])]);
    facts.replaceChildren(
      ...factsOf(health, models).flatMap(([name, value]) => [
        element("dt", { text: name }),
        element("dd", { text: value }),
      ]),
    );
  }

  document.getElementById("engine-panel").addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "open") fill();
  });
  document.addEventListener("visibilitychange", () => !document.hidden && look());
  look();
  return { look };
}

function factsOf(health, models) {
  if (!health) return [["Server", "cannot be reached"]];
  const model = models.find(({ id, name }) => id === health.engine.model || name === health.engine.model);
  const measured = model?.measured[0];
  return [
    ["Model", model?.name ?? health.engine.model],
    ["Device", health.engine.device],
    ...(measured ? [[`One step at ${pixelSize(measured)}`, `${measured.secondsPerStep.toPrecision(2)} s`]] : []),
    ["Watching", String(health.viewers)],
    ["Version", health.version],
  ];
}
