/**
 * The grid of ticks that all live pictures of this process share: a viewer who moves from one to another keeps its
 * connection, so both must count the same time.
 * @module
 */

export const ticksPerSecond = 30;
/** On a clock's milliseconds; tick 0 is its zero. */
export const tickMs = 1000 / ticksPerSecond;
const rtpPerTick = 90_000 / ticksPerSecond; // RFC 7741 section 4.1 (VP8), RFC 6184 section 8.2.1 (H.264)
const firstTimestamp = crypto.getRandomValues(new Uint32Array(1))[0]!; // RFC 3550 section 5.1

/** The tick that began last. */
export function tickAt(nowMs: number): number {
  return Math.floor(nowMs / tickMs);
}

/** 90 kHz, below 2³²; wraps every 13 hours. */
export function rtpTimestampOf(tick: number): number {
  return (firstTimestamp + tick * rtpPerTick) % 2 ** 32;
}

/** Milliseconds from one RTP timestamp to another that is less than 6 hours away. */
export function rtpMsBetween(earlier: number, later: number): number {
  return ((later - earlier) | 0) / 90;
}
