/**
 * The state of the line to the live picture, from what the browser measures. Pure: no DOM, no clock.
 * @module
 */
import { pixelSize } from "./measures.js";

/**
 * @typedef {object} LineSample what one look at a connection gives; counts grow as long as it lasts, null is not known
 * @property {number} atMs
 * @property {number} bytes @property {number} packets @property {number} lost @property {number} frames
 * @property {number} qpSum sum of the quantizers of all frames
 * @property {number} bufferSeconds sum of the time that frames were held back, `bufferedFrames` of them
 * @property {number} bufferedFrames
 * @property {number | null} widthPx @property {number | null} heightPx
 * @property {string | null} codec `VP8` or `H264`
 * @property {number | null} roundTripSeconds
 */

/** Greatest quantizer: RFC 6386 section 9.6, ITU-T H.264 section 7.4.2.2. */
const worstQp = { VP8: 127, H264: 51 };

/** Reads a browser's report (W3C WebRTC statistics). @returns {LineSample | null} null before anything arrives */
export function sampleOf(report) {
  const all = [...(report?.values() ?? [])];
  const video = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  if (!video) return null;
  const codec = all.find(({ id }) => id === video.codecId);
  const transport = all.find(({ type }) => type === "transport");
  const pair = all.find(({ id }) => id === transport?.selectedCandidatePairId) ??
    all.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded");
  return {
    atMs: video.timestamp,
    bytes: video.bytesReceived ?? 0,
    packets: video.packetsReceived ?? 0,
    lost: video.packetsLost ?? 0,
    frames: video.framesDecoded ?? 0,
    qpSum: video.qpSum ?? 0,
    bufferSeconds: video.jitterBufferDelay ?? 0,
    bufferedFrames: video.jitterBufferEmittedCount ?? 0,
    widthPx: video.frameWidth ?? null,
    heightPx: video.frameHeight ?? null,
    codec: codec?.mimeType?.replace(/^video\//i, "").toUpperCase() ?? null,
    roundTripSeconds: pair?.currentRoundTripTime ?? null,
  };
}

/**
 * What the panel says, each `[label, value]`: of the time between two samples, but loss since the connection was made.
 * @param {LineSample | null} before null at the first look
 * @param {LineSample} now
 * @param view the session's view, for what only the server knows
 */
export function lineFacts(before, now, { timings, viewers }) {
  const since = isSameLine(before, now) ? before : { ...now, atMs: NaN };
  const seconds = (now.atMs - since.atMs) / 1000;
  const frames = now.frames - since.frames;
  const buffered = now.bufferedFrames - since.bufferedFrames;
  return [
    ["Frames per second", figure(frames / seconds, (value) => value.toFixed(0))],
    ["Resolution", now.widthPx ? pixelSize(now) : unknown],
    ["Codec", now.codec === "H264" ? "H.264" : now.codec ?? unknown],
    ["Bitrate", figure((now.bytes - since.bytes) * 8 / seconds, bitrate)],
    ["Quality", figure((now.qpSum - since.qpSum) / frames, (qp) => quantizer(qp, now.codec))],
    ["Round trip", figure(now.roundTripSeconds ?? NaN, milliseconds)],
    ["Lost packets", figure(now.lost / (now.packets + now.lost), (share) => `${(100 * share).toFixed(1)}%`)],
    ["Held back", figure((now.bufferSeconds - since.bufferSeconds) / buffered, milliseconds)],
    ["Made", timings.realTimeFactor === null ? unknown : `${factor(timings.realTimeFactor)} × playing speed`],
    ["Viewers", String(viewers)],
  ];
}

const unknown = "not yet known";

/** False for the samples of two connections: counts begin again. */
function isSameLine(before, now) {
  return before !== null && before.atMs < now.atMs && before.packets <= now.packets;
}

function figure(value, inWords) {
  return Number.isFinite(value) ? inWords(value) : unknown;
}

function bitrate(bitsPerSecond) {
  return bitsPerSecond < 1e6
    ? `${Math.round(bitsPerSecond / 1e3)} kbit/s`
    : `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

function milliseconds(seconds) {
  return `${Math.round(1000 * seconds)} ms`;
}

function quantizer(qp, codec) {
  return `QP ${Math.round(qp)}${codec in worstQp ? ` of ${worstQp[codec]}` : ""}`;
}

function factor(value) {
  return value.toFixed(value < 0.1 ? 2 : 1);
}
