/**
 * What the chip says about the engine. Pure: no DOM, no clock.
 * @module
 */

/** The chip of the top bar: `{ prefix, rest, look, mark }`; `prefix` is left out where there is little room. */
export function engineInWords(health) {
  if (!health) return { prefix: "", rest: "No connection", look: "problem", mark: "dot" };
  const { engine: { state, model, device }, sessions: { running, queued } } = health;
  if (state === "lost") return { prefix: "Engine stopped, ", rest: "starting again", look: "problem", mark: "dot" };
  if (state === "starting") return { prefix: "", rest: `Loading ${model}`, look: "", mark: "ring" };
  const waiting = queued > 0 ? `, ${queued} waiting` : "";
  const rest = running > 0 ? `${running} running${waiting}` : `ready${waiting}`;
  return { prefix: `${model} on ${device}, `, rest, look: running > 0 ? "accent" : "", mark: "dot" };
}
