/**
 * What the pages say about numbers, states and sessions. Pure: no DOM, no clock. Plain, short, in the present tense;
 * never latent, sampler, chunk, job or inference.
 * @module
 */
import { growsBackwards, secondsKept } from "./frame_map.js";

// Numbers

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

// Names

export const stateWords = {
  planned: "planned",
  sampling: "being made",
  decoding: "decoding",
  provisional: "may still change",
  final: "final",
  failed: "failed",
};

export const viewWords = { arrival: "Newest", growing: "So far", timeline: "Whole", edge: "Live edge" };

/** The views a session offers, its default first. */
export function viewsOffered(view) {
  return view.settings.schedule === "forward" ? ["edge", "arrival"] : ["arrival"];
}

/** The session's title: its prompt, or what else there is to say. */
export function titleOf(view) {
  return view.settings.prompt.trim() || "Video without words";
}

/** `40% · The sailing boat… · framecast` */
export function documentTitle(view) {
  const title = titleOf(view);
  const short = title.length > 40 ? `${title.slice(0, 39).trimEnd()}…` : title;
  return [...(view.state === "running" ? [`${view.progress.percent}%`] : []), short, "framecast"].join(" · ");
}

// States

/** True once pictures of this session can be played. */
export function hasPictures(view) {
  return secondsKept(view) > 0;
}

/** `{ text, look: "" | "accent" | "warning" | "problem" | "ink", mark: "dot" | "ring" | "alert" | "" }` */
export function pillFor(view, { isInterrupted } = { isInterrupted: false }) {
  if (view.state === "queued") return { text: placeInQueue(view.queue), look: "", mark: "" };
  if (view.state === "completed") return { text: "Finished", look: "ink", mark: "" };
  if (view.state === "stopped") return { text: "Stopped", look: "", mark: "" };
  if (view.state === "failed") return { text: "Failed", look: "problem", mark: "alert" };
  if (isInterrupted) return { text: "Reconnecting", look: "warning", mark: "ring" };
  if (view.progress.phase === "waiting" || view.progress.phase === "loading") {
    return { text: "Waiting for the model", look: "", mark: "" };
  }
  return { text: hasPictures(view) ? "Live" : "Making", look: "accent", mark: "dot" };
}

function placeInQueue(queue) {
  return queue ? `Place ${queue.place} of ${queue.waiting}` : "Waiting";
}

/** What stands under "Left": `3 s`, `about 6 min`, `not yet known`. */
export function remaining({ remainingSeconds, remainingIsGuess }) {
  if (remainingSeconds === null) return "not yet known";
  return remainingIsGuess ? aboutDuration(remainingSeconds) : duration(remainingSeconds);
}

/** The status line: `{ bold, plain }`. `speed` is "slower" when the remaining time grew by more than a quarter. */
export function statusFor(view, { speed, isInterrupted } = { speed: "steady", isInterrupted: false }) {
  const words = statusByState[view.state](view);
  if (view.state !== "running") return words;
  if (isInterrupted) {
    return { ...words, plain: "Only the live picture is interrupted. Your video is still being made." };
  }
  if (speed === "slower") {
    return { ...words, plain: "Slower than before: another program may be using the GPU." };
  }
  return words;
}

const statusByState = {
  queued: ({ queue }) => ({
    bold: waitingFor(queue),
    plain: `${startsIn(queue)}The picture above is your start picture.`,
  }),
  running: (view) => {
    const { progress: { phase, section, of, step, steps } } = view;
    if (phase === "waiting" || phase === "loading") {
      return {
        bold: "Your video starts by itself when the model is ready",
        plain: "You can close this page. The work goes on without it.",
      };
    }
    if (phase === "recording") return { bold: "Writing the file", plain: "All frames are final." };
    const bold = phase === "decoding"
      ? `Section ${section} of ${of}, decoding`
      : `Making section ${Math.max(1, section)} of ${of}, step ${step} of ${steps}`;
    return { bold, plain: howItGrows(view) };
  },
  completed: (view) => ({
    bold: view.video ? `Ready: ${fileFacts(view.video)}` : "Ready",
    plain: `Made in ${duration(view.timings.elapsedSeconds)}. All frames are final.`,
  }),
  stopped: (view) => stoppedWords(view),
  failed: (view) => {
    const { what, cure } = problemInWords(view.problem);
    return { bold: what, plain: cure };
  },
};

/** `9.63 s, 289 frames, 3.4 MB` */
export function fileFacts({ seconds, frames, sizeBytes }) {
  return `${exactSeconds(seconds)}, ${frames} frames, ${fileSize(sizeBytes)}`;
}

function waitingFor(queue) {
  const ahead = (queue?.place ?? 1) - 1;
  if (ahead === 0) return "Waiting: yours is next, one video is running";
  return `Waiting: ${ahead === 1 ? "one video is" : `${ahead} videos are`} ahead of yours, and one is running`;
}

/** `Starts in about 20 s. `, or nothing while that is not known. */
function startsIn(queue) {
  const seconds = queue?.expectedStartSeconds ?? null;
  return seconds === null ? "" : `Starts in ${aboutDuration(seconds)}. `;
}

function howItGrows(view) {
  const { timings, plan } = view;
  if (growsBackwards(plan)) {
    if (hasPictures(view)) {
      return `The end is made first, so the video fills from right to left. ${
        shortSeconds(secondsKept(view))
      } are ready.`;
    }
    return timings.firstFramesSeconds === null && secondsToFirstPictures(view) !== null
      ? `The end is made first. It can be played in ${aboutDuration(secondsToFirstPictures(view))}.`
      : "The end is made first.";
  }
  return hasPictures(view) ? speedInWords(view) : "It plays as soon as the first section is made.";
}

/** Seconds until the first section can be played; null while unknown. */
export function secondsToFirstPictures({ progress, timings }) {
  if (timings.secondsPerStep === null || progress.section > 1) return null;
  return (progress.steps - progress.step) * timings.secondsPerStep + (timings.secondsPerDecode ?? 0);
}

function speedInWords({ timings, plan, progress }) {
  if (timings.secondsPerStep === null) return "It plays as it is made.";
  const sectionSeconds = progress.steps * timings.secondsPerStep + (timings.secondsPerDecode ?? 0);
  const speed = plan.seconds / progress.of / sectionSeconds;
  if (speed >= 1) return `Made ${speed.toFixed(1)} times as fast as it plays, so playback does not have to wait.`;
  const slowness = 1 / speed;
  return `Made ${
    slowness.toFixed(slowness < 10 ? 1 : 0)
  } times slower than it plays. The last frame stays until more is ready.`;
}

function stoppedWords(view) {
  if (!view.video) return { bold: "Stopped. Nothing was finished yet.", plain: "" };
  const { section, of } = view.progress;
  const isBackwards = growsBackwards(view.plan);
  const where = section > 0 ? `You stopped in section ${section} of ${of}` : "";
  const startsAt = (view.video.firstFrameIndex / view.plan.frameRate).toFixed(1);
  return {
    bold: `Stopped. The ${isBackwards ? "last" : "first"} ${shortSeconds(view.video.seconds)} are kept.`,
    plain: where && (isBackwards ? `${where}, so the video starts at second ${startsAt} of the plan.` : `${where}.`),
  };
}

/** A problem as `{ what, cure }`: its first sentence without the full stop, and the rest. */
export function problemInWords(problem) {
  const detail = problem?.detail?.trim() || problem?.title || "The engine stopped";
  const end = detail.search(/\.\s/);
  return end < 0
    ? { what: detail.replace(/\.$/, ""), cure: "" }
    : { what: detail.slice(0, end), cure: `${detail.slice(end + 1).trim().replace(/\.?$/, "")}.` };
}

// The engine

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
