/**
 * Which of two qualities a viewer's line can take, from what the viewer reports. Pure: times are arguments.
 *
 * The bounds of loss are those of Google Congestion Control, draft-ietf-rmcat-gcc-02 section 6: above 10 % a sender
 * slows down, up to 2 % it may send more, between the two it stays. The time at the low quality doubles with each
 * attempt at the high one that fails: at the low one a receiver estimates little more than what it gets (section 5.5),
 * so only trying tells whether the line has recovered.
 * @module
 */
export type Quality = "high" | "low";

/** What is known about a line at one time. */
export interface LineReport {
  /** On a clock that never goes back. */
  readonly timeMs: number;
  /** Of the packets since the report before, 0 to 1: RTCP receiver report (RFC 3550 section 6.4.1) over 256. */
  readonly fractionLost: number;
  /** REMB (draft-alvestrand-rmcat-remb-03): bits per second that the receiver thinks fit; null when it sends none. */
  readonly estimatedBitrate: number | null;
  /** Bits per second sent to this viewer in the last seconds, at the quality it has. */
  readonly sentBitrate: number;
}

/** A line is given up when it has been bad without a break for this long. */
export const badMs = 2000;
/** It is tried again when it has been good without a break for this long, */
export const goodMs = 15_000;
/** or, when attempts failed, up to this long. */
const longestGoodMs = 240_000;
/** An attempt has not failed when the high quality lasted this long. */
const provenMs = 60_000;

/** Reports further apart tell nothing about the time between them. */
const silenceMs = 5000;
const muchLost = 0.1;
const littleLost = 0.02;

/** Judges one viewer's line, high to begin with. Reports come in order of their time. */
export function createLineQuality(): (report: LineReport) => Quality {
  let quality: Quality = "high";
  let sinceMs: number | undefined;
  let neededMs = goodMs;
  let lastMs = -Infinity;
  /** Since when each report has spoken for the other quality. */
  let otherSinceMs: number | undefined;
  return (report) => {
    sinceMs ??= report.timeMs;
    if (report.timeMs - lastMs > silenceMs) otherSinceMs = undefined;
    lastMs = report.timeMs;
    const speaksForOther = quality === "high" ? isBad(report) : isGood(report);
    otherSinceMs = speaksForOther ? otherSinceMs ?? report.timeMs : undefined;
    const provedMs = report.timeMs - sinceMs;
    if (quality === "high" && provedMs >= provenMs) neededMs = goodMs;
    if (otherSinceMs === undefined || report.timeMs - otherSinceMs < (quality === "high" ? badMs : neededMs)) {
      return quality;
    }
    if (quality === "low") neededMs = Math.min(longestGoodMs, 2 * neededMs);
    quality = quality === "high" ? "low" : "high";
    sinceMs = report.timeMs;
    otherSinceMs = undefined;
    return quality;
  };
}

/**
 * The receiver's estimate counts only where packets get lost, too. By itself it says nothing here: on a perfect line
 * Chromium was measured to send estimates of 86 to 184 kbit/s for a stream of 120 to 164 kbit/s, since an estimate follows
 * what comes in and bursts of a whole picture look to it like a queue.
 */
function isBad({ fractionLost, estimatedBitrate, sentBitrate }: LineReport): boolean {
  const isNarrow = estimatedBitrate !== null && estimatedBitrate < sentBitrate;
  return fractionLost > muchLost || (fractionLost > littleLost && isNarrow);
}

function isGood({ fractionLost }: LineReport): boolean {
  return fractionLost <= littleLost;
}
