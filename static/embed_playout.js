/**
 * Which of the things that a live picture shows one after the other is on screen. Pure: no DOM, no clock.
 * @module
 */

/**
 * @typedef {object} Segment a `playout` event: what is shown from one picture on
 * @property {string | null} video the id of its session
 * @property {"frames" | "preview" | "slate"} shows
 * @property {number} rtpTimestamp of that picture, 0 to 2³² − 1
 */

const kept = 64;

/** The newest segments, oldest first, with one more. */
export function withSegment(segments, segment) {
  return [...segments, segment].slice(-kept);
}

/**
 * The segment that a picture on screen belongs to.
 * @param {Segment[]} segments oldest first
 * @param {number | undefined} rtpTimestamp of the picture; a browser that does not tell it shows the newest segment
 * @returns {Segment | undefined} undefined when the picture is older than all of them
 */
export function segmentOnScreen(segments, rtpTimestamp) {
  if (rtpTimestamp === undefined) return segments.at(-1);
  // RTP timestamps wrap at 2³² (RFC 3550 section 5.1); `| 0` takes the shorter way round.
  return segments.findLast((segment) => ((rtpTimestamp - segment.rtpTimestamp) | 0) >= 0);
}
