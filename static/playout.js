/**
 * Which frame of the video a live picture shows. Pure: no DOM, no clock.
 * @module
 */

/** @typedef {{ view: string, codec: string, rtpTimestamp: number, start: number, end: number, loop: boolean }} Playout */

const rtpClockRate = 90_000; // RFC 7741 section 4.1 (VP8), RFC 6184 section 8.2.1 (H.264)
const rtpTimestampRange = 2 ** 32; // RFC 3550 section 5.1

/** `later` − `earlier` on the RTP clock, which wraps at 2³². */
function rtpTicksBetween(earlier, later) {
  const ticks = (later - earlier) % rtpTimestampRange;
  if (ticks > rtpTimestampRange / 2) return ticks - rtpTimestampRange;
  return ticks < -rtpTimestampRange / 2 ? ticks + rtpTimestampRange : ticks;
}

/**
 * Which frame of the video a live picture shows, from the picture's RTP timestamp and the `playout` events of its view
 * and codec, oldest first.
 * @returns {number | undefined} undefined when no event tells
 */
export function frameAtTimestamp(playouts, rtpTimestamp, frameRate) {
  const playout = playouts.findLast((each) => rtpTicksBetween(each.rtpTimestamp, rtpTimestamp) >= 0);
  if (!playout) return undefined;
  // Half a frame is added because timestamps come from a clock and are not exact multiples of the frame time.
  const ticksPerFrame = rtpClockRate / frameRate;
  const offset = Math.floor(rtpTicksBetween(playout.rtpTimestamp, rtpTimestamp) / ticksPerFrame + 0.5);
  const frames = playout.end - playout.start;
  return playout.start + (playout.loop ? offset % frames : Math.min(offset, frames - 1));
}
