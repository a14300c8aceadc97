/**
 * What a live picture shows, from its RTP timestamp. Pure: no DOM, no clock.
 * @module
 */

/**
 * A `playout` event: what is shown from one picture on if nothing new arrives. `[start, end)` in frames of the video, empty
 * for a slate that stands for no place; `rate` frames each tick of the stream, below 0 backwards from `end` − 1.
 * @typedef {{ video: string | null, view: string, wait: string, previews: string, rtpTimestamp: number, shows: "frames" | "preview" | "slate",
 *   start: number, end: number, rate: number, loop: boolean }} Playout
 */

/** 90 kHz (RFC 7741 section 4.1 for VP8, RFC 6184 section 8.2.1 for H.264); a stream has 30 ticks a second. */
const rtpUnitsPerTick = 90_000 / 30;

/** What one viewer sees who chose this view and nothing else; the server waits the same way. */
export function choiceOf(view) {
  return { view, wait: view === "edge" ? "hold" : "loop", previews: "shown" };
}

/**
 * The playout events of what one viewer chose, of a log that holds those of all.
 * @param {Playout[]} playouts
 */
export function playoutsOf(playouts, { view, wait, previews }) {
  return playouts.filter((each) => each.view === view && each.wait === wait && each.previews === previews);
}

// Timestamps wrap at 2³² (RFC 3550 section 5.1); `| 0` takes the shorter way round.
const unitsSince = (playout, rtpTimestamp) => (rtpTimestamp - playout.rtpTimestamp) | 0;

/**
 * The event that tells of a picture, of the `playout` events of its own choice, oldest first.
 * @param {Playout[]} playouts
 * @param {number | undefined} rtpTimestamp a browser that does not tell it shows what the newest event says
 * @returns {Playout | undefined}
 */
export function playoutAtTimestamp(playouts, rtpTimestamp) {
  if (rtpTimestamp === undefined) return playouts.at(-1);
  return playouts.findLast((each) => unitsSince(each, rtpTimestamp) >= -rtpUnitsPerTick / 2);
}

/**
 * What is on screen, see `playoutAtTimestamp`.
 * @param {Playout[]} playouts
 * @param {number | undefined} rtpTimestamp
 * @returns {{ shows: "frames" | "preview" | "slate", hasPlace: boolean, frame: number | undefined } | undefined} `hasPlace` is
 *   false for a slate that stands for no frame, `frame` undefined where nobody knows it; undefined when no event tells
 */
export function pictureAtTimestamp(playouts, rtpTimestamp) {
  const playout = playoutAtTimestamp(playouts, rtpTimestamp);
  if (!playout) return undefined;
  const frame = rtpTimestamp === undefined
    ? undefined
    : frameOfRun(playout, Math.round(unitsSince(playout, rtpTimestamp) / rtpUnitsPerTick));
  return { shows: playout.shows, hasPlace: playout.start < playout.end, frame };
}

/** The frame shown `ticks` ticks after a run began; undefined for an empty range. The server's formula. */
function frameOfRun({ start, end, rate, loop }, ticks) {
  const frames = end - start;
  if (frames <= 0) return undefined;
  const steps = Math.floor(ticks * Math.abs(rate));
  const offset = loop ? steps % frames : Math.min(steps, frames - 1);
  return rate < 0 ? end - 1 - offset : start + offset;
}
