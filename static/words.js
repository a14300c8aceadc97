/**
 * What the pages say about sessions and their states. Pure: no DOM, no clock. Plain, short, in the present tense;
 * never latent, sampler, chunk, job or inference.
 * @module
 */
import { growsBackwards, secondsKept } from "./frame_map.js";
import { aboutDuration, duration, exactSeconds, fileSize, shortSeconds } from "./measures.js";

/** The views a session offers, its default first. */
export function viewsOffered(view) {
  const always = ["arrival", "growing", "timeline"];
  return view.settings.schedule === "forward" ? ["edge", ...always] : always;
}

/** The session's title: its prompts in the order of time, or what else there is to say. */
export function titleOf({ settings: { prompt, promptChanges = [] } }) {
  const prompts = [prompt, ...promptChanges.map((change) => change.prompt)].map((words) => words.trim());
  return prompts.filter(Boolean).join(" → ") || "Video without words";
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
export function pillFor(view, { isInterrupted, shows } = { isInterrupted: false, shows: "frames" }) {
  if (view.state === "queued") return { text: placeInQueue(view.queue), look: "", mark: "" };
  if (view.state === "completed") return { text: "Finished", look: "ink", mark: "" };
  if (view.state === "stopped") return { text: "Stopped", look: "", mark: "" };
  if (view.state === "failed") return { text: "Failed", look: "problem", mark: "alert" };
  if (isInterrupted) return { text: "Reconnecting", look: "warning", mark: "ring" };
  if (view.progress.phase === "waiting" || view.progress.phase === "loading") {
    return { text: "Waiting for the model", look: "", mark: "" };
  }
  if (shows === "preview") return { text: previewOf(view.progress), look: "accent", mark: "dot" };
  return { text: hasPictures(view) ? "Live" : "Making", look: "accent", mark: "dot" };
}

/** The last step has no preview: its frames are decoded at once. */
function previewOf({ step, steps }) {
  return `Preview of step ${Math.max(1, Math.min(step, steps - 1))}`;
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
    return { bold, plain: view.nextPrompt === undefined ? howItGrows(view) : `Then: ${view.nextPrompt}` };
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
  const running = queue?.running ?? 1;
  if (ahead === 0) return `Waiting: yours is next${running === 0 ? "" : `, ${videosAre(running)} running`}`;
  const others = running === 0 ? "" : `, and ${running === 1 ? "one is" : `${running} are`} running`;
  return `Waiting: ${videosAre(ahead)} ahead of yours${others}`;
}

function videosAre(count) {
  return count === 1 ? "one video is" : `${count} videos are`;
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

function speedInWords({ timings }) {
  const { realTimeFactor: speed } = timings;
  if (speed === null) return "It plays as it is made.";
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
