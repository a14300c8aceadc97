/**
 * What the list of sessions says. Pure: no DOM; the time is an argument.
 * @module
 */
import { duration } from "./measures.js";
import { remaining } from "./words.js";

/** Line of a session that waits or runs. `workSeconds` is the estimate for a waiting one, or undefined. */
export function cardLine(view, workSeconds) {
  if (view.state === "queued") {
    const place = !view.queue || view.queue.place === 1 ? "next" : `place ${view.queue.place}`;
    return workSeconds === undefined ? place : `${place}, ${duration(workSeconds)} of work`;
  }
  const { phase, section, of } = view.progress;
  if (phase === "waiting" || phase === "loading") return "Waiting for the model";
  if (phase === "recording") return "Writing the file";
  const left = view.timings.remainingSeconds === null ? "" : `, ${remaining(view.timings)} left`;
  return `Section ${Math.max(1, section)} of ${of}${left}`;
}

/** Line of a session that is over: `today 14:02`, `stopped early, 13:31`, `failed, yesterday`. */
export function finishedLine(view, now) {
  const when = whenInWords(new Date(view.timings.endedAt ?? view.createdAt), now);
  if (view.state === "completed") return when;
  return `${view.state === "failed" ? "failed" : "stopped early"}, ${when.replace("today ", "")}`;
}

/** `just now`, `today 14:02`, `yesterday`, `12 Nov`. */
export function whenInWords(date, now) {
  if (now - date < 60_000) return "just now";
  const day = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  const days = Math.round((day(now) - day(date)) / 86_400_000);
  if (days === 0) return `today ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
  if (days === 1) return "yesterday";
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

export const deleteQuestion = "Delete this video and its file? This cannot be undone.";
