/**
 * Questions about a session's frame map and plan. Pure: no DOM, no clock. Frames are counted from 0 on the finished
 * video's timeline, ranges are half-open `[start, end)`, sections are counted from 1 in making order.
 * @module
 */

/** @typedef {{ start: number, end: number }} FrameRange */
/** @typedef {FrameRange & { state: "planned" | "sampling" | "decoding" | "provisional" | "final" }} FrameMapRange */

/** State of one frame; "planned" outside the video. */
export function stateAt(frameMap, frame) {
  return frameMap.find(({ start, end }) => start <= frame && frame < end)?.state ?? "planned";
}

/** The states present, in the order of the timeline's key. */
export function statesPresent(frameMap) {
  const present = new Set(frameMap.map(({ state }) => state));
  return ["planned", "sampling", "decoding", "provisional", "final"].filter((state) => present.has(state));
}

/** Frames that can be played: decoded, whether they may still change or not. */
export function decodedFrames(frameMap) {
  return frameMap.reduce((sum, { start, end, state }) => sum + (isDecoded(state) ? end - start : 0), 0);
}

export function isDecoded(state) {
  return state === "provisional" || state === "final";
}

/** Seconds that a stop would keep. */
export function secondsKept(view) {
  return decodedFrames(view.frameMap) / view.plan.frameRate;
}

/** The decoded ranges, joined where they touch, in timeline order. */
export function decodedRanges(frameMap) {
  const joined = [];
  for (const { start, end, state } of frameMap) {
    if (!isDecoded(state)) continue;
    const last = joined.at(-1);
    if (last?.end === start) last.end = end;
    else joined.push({ start, end });
  }
  return joined;
}

/** The decoded frame nearest to a frame; undefined while there is none. */
export function nearestDecoded(frameMap, frame) {
  return decodedRanges(frameMap)
    .map(({ start, end }) => Math.min(end - 1, Math.max(start, frame)))
    .sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame))[0];
}

/** The section (counted from 1 in making order) that holds a frame; 0 when none does. */
export function sectionAt(plan, frame) {
  return plan.sections.findIndex(({ start, end }) => start <= frame && frame < end) + 1;
}

/** Sections as they lie on the timeline: `{ section, start, end }`, first frame first. */
export function sectionsInTimelineOrder(plan) {
  return plan.sections.map(({ start, end }, index) => ({ section: index + 1, start, end }))
    .sort((a, b) => a.start - b.start);
}

/**
 * State of a whole section: the least finished of its frames, except that a section with some decoded frames is never
 * "planned". "failed" is the section a failed session ended in.
 */
export function sectionState(view, section) {
  const { start, end } = view.plan.sections[section - 1];
  const states = view.frameMap.filter((range) => range.start < end && range.end > start).map(({ state }) => state);
  if (view.state === "failed" && view.progress.section === section && !states.every(isDecoded)) return "failed";
  return ["sampling", "decoding", "planned", "provisional", "final"].find((state) => states.includes(state)) ??
    "planned";
}

/** True where the video grows from its end towards its start. */
export function growsBackwards(plan) {
  return plan.sections.length > 1 && plan.sections[0].start > 0;
}

/**
 * How much is made, 0 to 1, unrounded: what the total line shows. Decoding counts as all steps; the percentage in words
 * is `progress.percent`, which the server rounds down.
 */
export function fractionMade({ section, of, step, steps, phase }) {
  if (phase === "ended" || phase === "recording") return 1;
  if (section === 0) return 0;
  const inSection = phase === "decoding" ? 1 : phase === "sampling" ? step / steps : 0;
  return (section - 1 + inSection) / of;
}

/** Seconds of one section, for "4.9 to 6.1 seconds". */
export function sectionSeconds(plan, section) {
  const { start, end } = plan.sections[section - 1];
  return { startSeconds: start / plan.frameRate, endSeconds: end / plan.frameRate };
}
