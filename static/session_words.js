/**
 * What the studio offers and says around one session: actions, troubles, recipe. Pure: no DOM, no clock.
 * @module
 */
import { secondsKept } from "./frame_map.js";
import { pixelSize, shortSeconds } from "./measures.js";
import { fileFacts, hasPictures, pillFor, statusFor } from "./words.js";

/** Shorter than this, nobody needs to be told when it is done. */
const worthTellingSeconds = 20;

/**
 * A trouble of the page, not of the video: `{ kind, seconds }` with kind "server", "picture", "full", "blocked",
 * "unsupported".
 */
const troubles = {
  server: (seconds) => ({
    bold: "No connection to the server",
    plain: `${tryingAgain(seconds)} The video goes on being made if the server runs.`,
  }),
  full: () => ({ plain: "As many people watch as this server can serve. Your video is still being made." }),
  blocked: () => ({
    plain:
      "The live picture cannot get through this network (UDP is blocked). Progress still arrives; the file comes at the end.",
  }),
  unsupported: () => ({
    plain: "This browser cannot show the live picture (VP8 or H.264 is needed). Progress and the file still work.",
  }),
};

/** `Trying again in 4 s.` */
export function tryingAgain(seconds) {
  return seconds > 0 ? `Trying again in ${Math.ceil(seconds)} s.` : "Trying again now.";
}

/** The note on a picture that stands still. */
export function interruptedNote(seconds) {
  return `Picture interrupted. ${tryingAgain(seconds)}`;
}

/** The note while the server has no place for one more viewer. */
export function tooManyNote(seconds) {
  return `No place to watch is free. ${tryingAgain(seconds)}`;
}

/** The slate of a model that is being loaded: `{ title, line, fraction }`, fraction null while nobody counts. */
export function loadingSlate({ loading }) {
  const [, done, of] = /(\d+(?:\.\d+)?) of (\d+(?:\.\d+)?)/.exec(loading ?? "") ?? [];
  const stays = "It stays loaded, so the next video starts at once.";
  if (!(of > 0)) return { title: "Loading the model", line: stays, fraction: null };
  return { title: "Loading the model", line: `Part ${done} of ${of}. ${stays}`, fraction: Math.min(1, done / of) };
}

/** What is wrong with the page, from the state of its feed and of its live picture (or null); null when nothing is. */
export function troubleOf({ connection, retryAtMs }, live, nowMs) {
  const secondsTo = (ms) => Math.max(0, (ms - nowMs) / 1000);
  if (connection === "interrupted") return { kind: "server", seconds: secondsTo(retryAtMs) };
  if (!live || live.state === "live") return null;
  if (live.problem?.status === 503) return { kind: "full", seconds: secondsTo(live.retryAtMs) };
  if (live.state === "interrupted") return { kind: "picture", seconds: secondsTo(live.retryAtMs) };
  return live.state === "blocked" || live.state === "unsupported" ? { kind: live.state, seconds: 0 } : null;
}

/** The status line of a session: `{ bold, plain }`. `page` is `{ isStopping, trouble, speed }`. */
export function sessionStatus(view, { isStopping, trouble, speed }) {
  if (isStopping) return { bold: "Finishing the frames that exist", plain: "" };
  const words = statusFor(view, { speed, isInterrupted: trouble?.kind === "picture" });
  if (trouble?.kind === "server" || view.state === "running") {
    return { ...words, ...troubles[trouble?.kind]?.(trouble.seconds) };
  }
  return words;
}

/** The session's pill, see `pillFor`. `shows`: what the live picture shows, "frames", "preview" or "slate". */
export function sessionPill(view, { isStopping, trouble, shows }) {
  if (isStopping) return { text: "Stopping", look: "", mark: "" };
  const isInterrupted = trouble?.kind === "server" || trouble?.kind === "picture" || trouble?.kind === "full";
  if (isInterrupted && view.state === "queued") return { text: "Reconnecting", look: "warning", mark: "ring" };
  return pillFor(view, { isInterrupted, shows });
}

/** The buttons of the status line, each `{ id, text, icon, look }`. `canTell`: the browser can notify. */
export function sessionActions(view, { isStopping, trouble, canTell }) {
  if (isStopping) return [];
  if (trouble?.kind === "server") return [{ id: "retry", text: "Try now" }];
  return actionsByState[view.state](view, canTell);
}

/** The sections that are neither made nor in work, in making order; none of a session that has ended. */
export function sectionsLeft({ state, plan, timings }) {
  if (state !== "queued" && state !== "running") return [];
  return plan.sections.slice(timings.sections.length + (state === "running" ? 1 : 0));
}

const steer = (view) =>
  sectionsLeft(view).length > 0 ? [{ id: "steer", text: "Change the prompt", icon: "pen-line" }] : [];
const download = (text, look) => ({ id: "download", text, icon: "download", look });
const actionsByState = {
  queued: (view) => [...steer(view), { id: "leave", text: "Leave the queue" }],
  running(view, canTell) {
    const { phase } = view.progress;
    if (phase === "waiting" || phase === "loading") return [{ id: "stop", text: "Cancel" }];
    if (phase === "recording") return [];
    if (hasPictures(view)) {
      return [...steer(view), {
        id: "stop",
        text: `Stop and keep ${shortSeconds(secondsKept(view))}`,
        icon: "square",
      }];
    }
    const seconds = view.timings.remainingSeconds;
    const tell = canTell && (seconds === null || seconds > worthTellingSeconds);
    return [...(tell ? [{ id: "tell", text: "Tell me when done", icon: "bell" }] : steer(view)), {
      id: "stop",
      text: "Stop",
      icon: "square",
    }];
  },
  completed: () => [
    { id: "recipe", text: "Copy recipe", icon: "copy", copies: true },
    { id: "obs", text: "Use in OBS", icon: "radio" },
    download("Download MP4", "ink"),
  ],
  stopped: (view) => view.video ? [download("Download MP4", "ink")] : [],
  failed(view) {
    const size = fittingSize(view.problem);
    const again = { id: "again", text: size ? `Try again at ${pixelSize(size)}` : "Try again", look: "ink" };
    return view.video ? [download(`Download ${shortSeconds(view.video.seconds)}`), again] : [again];
  },
};

/** The next size that fits, when a problem names one. */
export function fittingSize(problem) {
  return problem?.widthPx && problem?.heightPx ? { widthPx: problem.widthPx, heightPx: problem.heightPx } : null;
}

/** `128 × 128, shown at 3×` · `768 × 512, shown at 73%` */
export function shownAt(plan, { scale, scaling }) {
  const factor = scaling === "sharp" && scale >= 1 ? `${Number(scale.toFixed(2))}×` : `${Math.round(100 * scale)}%`;
  return `${pixelSize(plan)}, shown at ${factor}`;
}

/** Everything needed to make the same video again, as text for the clipboard. */
export function recipeText(view) {
  return JSON.stringify({ ...view.settings, frames: view.plan.frames }, null, 2);
}

/** The recipe as facts, each `[label, value]`. */
export function recipeFacts({ settings, plan, video }) {
  return [
    ["Order", settings.schedule === "forward" ? "Start first" : "End first"],
    ["Plan", `${plan.sections.length} sections, ${plan.frames} frames`],
    ["Size", pixelSize(plan)],
    ["Model", settings.model],
    ["Seed", String(settings.seed)],
    ["Steps", String(settings.steps)],
    ["Guidance", String(settings.guidance)],
    ...(settings.promptChanges ?? []).map(({ atSeconds, prompt }) => [`From ${shortSeconds(atSeconds)}`, prompt]),
    ...(settings.start && settings.start !== "picture" ? [["Begins with", settings.start]] : []),
    ...(settings.endStrength ? [["End picture", `strength ${settings.endStrength}`]] : []),
    ...(settings.loras ?? []).map(({ name, strength }) => ["LoRA", `${name}, strength ${strength}`]),
    ...(video ? [["File", fileFacts(video)]] : []),
  ];
}

/** What the live region says between two states of a session; empty when there is nothing to say. */
export function announcement(before, after) {
  if (before.state !== after.state) return `${statusFor(after).bold}.`;
  if (after.state !== "running") return "";
  const { section, of, percent } = after.progress;
  const quarter = [75, 50, 25].find((mark) => before.progress.percent < mark && percent >= mark);
  if (quarter) return `${quarter}% made.`;
  if (section > before.progress.section) {
    const isBehind = after.timings.sections.length < section - 1;
    const last = section > 1 ? `Section ${section - 1} is ${isBehind ? "being decoded" : "finished"}. ` : "";
    return `${last}Section ${section} of ${of} has started.`;
  }
  return "";
}
