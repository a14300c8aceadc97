import { getSession } from "./api.js";
import { pause } from "./backoff.js";
import { element, setText } from "./element.js";
import { lineFacts, sampleOf } from "./line_stats.js";

const lookEverySeconds = 1;
const countEvery = 5; // looks; how many are watching is not an event

/**
 * Fills the panel about the line once a second until `signal` is aborted.
 * @param node an element, whose content is replaced
 * @param source `stats()` of the connection · `view()` of the session
 */
export async function showLine(node, { stats, view }, signal) {
  const list = element("dl", { class: "facts figures" });
  const nothing = element("p", { class: "hint", text: "There is no live picture." });
  node.replaceChildren(element("h2", { text: "The line" }), list, nothing);
  let before = null;
  let { viewers } = view();
  for (let look = 0; !signal.aborted; look++) {
    if (look % countEvery === 0) viewers = (await getSession(view().id, signal).catch(view)).viewers;
    const now = sampleOf(await stats());
    nothing.hidden = now !== null;
    list.hidden = now === null;
    if (now) showFacts(list, lineFacts(before, now, { ...view(), viewers }));
    before = now;
    await pause(lookEverySeconds, signal);
  }
}

function showFacts(list, facts) {
  if (list.children.length === 0) list.append(...facts.flatMap(() => [element("dt"), element("dd")]));
  for (const [index, text] of facts.flat().entries()) setText(list.children[index], text);
}
