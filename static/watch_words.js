/**
 * What the watch page says. Pure: no DOM, no clock. Its reader did not start the video, so nothing is "yours" and nobody
 * is told that they stopped it.
 * @module
 */
import { growsBackwards, secondsKept } from "./frame_map.js";
import { sessionStatus } from "./session_words.js";
import { aboutDuration, shortSeconds } from "./measures.js";
import { hasPictures, remaining, secondsToFirstPictures, statusFor } from "./words.js";

const whatPlays = {
  arrival: () => "You see the newest part, again and again.",
  growing: (view) => `You see the ${shortSeconds(secondsKept(view))} that exist so far, again and again.`,
  timeline: () => "Gaps are still being made.",
  edge: () => "It plays as it is made.",
};

/**
 * The line under the picture: `{ bold, plain }`. `viewName` is null while something else than the live picture is looked
 * at, `trouble` as in `sessionStatus`, or null.
 */
export function watchLine(view, { viewName, trouble }) {
  if (trouble?.kind === "server") return sessionStatus(view, { isStopping: false, trouble, speed: "steady" });
  if (view.state !== "running") return lineByState[view.state](view);
  const { phase, loading } = view.progress;
  if (phase === "waiting" || phase === "loading") {
    return { bold: "Loading the model", plain: loading ?? "The video starts by itself when the model is ready." };
  }
  return { bold: howFar(view), plain: troubleLine(trouble) ?? whatIsSeen(view, viewName) };
}

const lineByState = {
  queued: ({ queue }) => {
    const seconds = queue?.expectedStartSeconds ?? null;
    return {
      bold: seconds === null ? "Waiting for its turn" : `Starts in ${aboutDuration(seconds)}`,
      plain: "The picture above is the start picture.",
    };
  },
  completed: (view) => statusFor(view),
  stopped: (view) => ({ ...statusFor(view), plain: "" }),
  failed: (view) => statusFor(view),
};

function howFar({ progress, timings }) {
  const made = `${progress.percent}% made`;
  return timings.remainingSeconds === null ? made : `${made}, ${remaining(timings)} left`;
}

function troubleLine(trouble) {
  if (!trouble) return undefined;
  if (trouble.kind === "full") return "As many people watch as this server can serve. The video is still being made.";
  if (trouble.kind === "picture") return "Only the live picture is interrupted. The video is still being made.";
  return trouble.kind === "blocked"
    ? "The live picture cannot get through this network (UDP is blocked). The file comes at the end."
    : "This browser cannot show the live picture (VP8 or H.264 is needed). The file comes at the end.";
}

function whatIsSeen(view, viewName) {
  const order = growsBackwards(view.plan) ? ["The end is made first."] : [];
  const seen = viewName === null ? "You see a finished part." : whatPlays[viewName](view);
  if (hasPictures(view)) return [...order, seen].join(" ");
  const seconds = secondsToFirstPictures(view);
  return [...order, seconds === null ? "" : `It can be played in ${aboutDuration(seconds)}.`].filter(Boolean).join(" ");
}
