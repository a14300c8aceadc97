/**
 * Numbers and states in words: durations, sizes, places on the timeline, the names of what a section can be. Pure: no DOM,
 * no clock.
 * @module
 */

/** `3 s`, `2 min 31 s`, `1 h 12 min`: rounded up to whole seconds, so that the end never comes late. */
export function duration(seconds) {
  const whole = Math.max(0, Math.ceil(seconds - 1e-6));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return parts(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  return parts(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

/** `about 25 s`, `about 6 min`: an estimate, with no more figures than it deserves. */
export function aboutDuration(seconds) {
  const grainSeconds = seconds < 10 ? 1 : seconds < 600 ? 5 : 60;
  return `about ${duration(Math.max(1, Math.round(seconds / grainSeconds) * grainSeconds))}`;
}

function parts(major, majorUnit, minor, minorUnit) {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;
}

/** `9.63 s`: an exact length. */
export function exactSeconds(seconds) {
  return `${seconds.toFixed(2)} s`;
}

/** `3.5 s`, `24 s` from ten on when whole: a length in a sentence. */
export function shortSeconds(seconds) {
  const rounded = seconds.toFixed(1);
  return `${seconds >= 10 && rounded.endsWith(".0") ? rounded.slice(0, -2) : rounded} s`;
}

/** `3.4 MB`, in decimal units. */
export function fileSize(sizeBytes) {
  if (sizeBytes < 1e6) return `${Math.max(1, Math.round(sizeBytes / 1e3))} kB`;
  return sizeBytes < 1e9 ? `${(sizeBytes / 1e6).toFixed(1)} MB` : `${(sizeBytes / 1e9).toFixed(1)} GB`;
}

/** `768 × 512` */
export function pixelSize({ widthPx, heightPx }) {
  return `${widthPx} × ${heightPx}`;
}

/** `1 section`, `8 sections` */
export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** `1st`, `2nd`, `3rd`, `11th` */
export function ordinal(count) {
  const isTeen = count % 100 >= 11 && count % 100 <= 13;
  return `${count}${isTeen ? "th" : ["th", "st", "nd", "rd"][count % 10] ?? "th"}`;
}

/** `m:ss.ff`, ff = frames. */
export function timecode(frame, frameRate) {
  const two = (value) => String(value).padStart(2, "0");
  const seconds = Math.floor(frame / frameRate);
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${two(frame % frameRate)}`;
}

/** `8 sections, 289 frames, 9.63 s` */
export function planInWords({ sections, frames, seconds }) {
  return `${plural(sections.length, "section")}, ${frames} frames, ${exactSeconds(seconds)}`;
}

export const stateWords = {
  planned: "planned",
  sampling: "being made",
  decoding: "decoding",
  provisional: "may still change",
  final: "final",
  failed: "failed",
};

export const viewWords = { arrival: "Newest", growing: "So far", timeline: "Whole", edge: "Live edge" };
