/**
 * Access units → the payloads of RTP packets: VP8 as in RFC 7741, H.264 as in RFC 6184. What differs between viewers,
 * the numbers of the packets, is not here. Pure.
 * @module
 */
import { Buffer } from "node:buffer";
import type { AccessUnit, Codec } from "./access_unit.ts";
import { viewOf } from "./byte_reader.ts";

/** One packet of one picture, the same for all its viewers. */
export interface Packet {
  /** 90 kHz, below 2³². */
  readonly timestamp: number;
  /** Set on the last packet of a picture. */
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** 1280, the smallest IPv6 MTU, − 48 IPv6 and UDP − 20 RTP with mid − 16 SRTP tag, rounded down */
const maxPayloadBytes = 1180;

/** @throws TypeError for H.264 whose parameter sets are not known */
export function packetize(codec: Codec, unit: AccessUnit, timestamp: number): Packet[] {
  const payloads = codec === "vp8" ? vp8Payloads(unit) : h264Payloads(unit);
  return payloads.map((payload, index) => ({ timestamp, marker: index === payloads.length - 1, payload }));
}

const startOfFrame = 0x10;

/**
 * The payload descriptor is one byte (section 4.2) that says whether a frame starts here. It has no picture number:
 * that would have to go on when a viewer moves to another encoder, as the sequence numbers do by themselves.
 */
function vp8Payloads({ data }: AccessUnit): Buffer[] {
  return pieces(data, maxPayloadBytes - 1).map((piece, index) =>
    Buffer.concat([Uint8Array.of(index === 0 ? startOfFrame : 0), piece])
  );
}

const stapA = 24;
const fuA = 28;

/** A key frame comes with its parameter sets, so that whoever joins there needs nothing from before. */
function h264Payloads({ data, isKeyFrame, configuration }: AccessUnit): Buffer[] {
  if (!configuration) throw new TypeError("Cannot packetize H.264 before its parameter sets are known");
  const units = nalUnits(data).flatMap(nalPayloads);
  return isKeyFrame ? [aggregate(parameterSets(configuration)), ...units] : units;
}

/** Section 5.7.1: several NAL units in one packet, each after its length in two bytes. */
function aggregate(units: readonly Uint8Array[]): Buffer {
  const importance = Math.max(...units.map((unit) => unit[0]! & 0x60));
  return Buffer.concat([Uint8Array.of(importance | stapA), ...units.flatMap((unit) => [sizeIn2Bytes(unit), unit])]);
}

/** Whole, or in fragments as in section 5.8: indicator, then a header with start and end bit and the type. */
function nalPayloads(unit: Uint8Array): Buffer[] {
  if (unit.length <= maxPayloadBytes) return [Buffer.from(unit)];
  const [importance, type] = [unit[0]! & 0xe0, unit[0]! & 0x1f];
  const fragments = pieces(unit.subarray(1), maxPayloadBytes - 2);
  return fragments.map((fragment, index) => {
    const start = index === 0 ? 0x80 : 0;
    const end = index === fragments.length - 1 ? 0x40 : 0;
    return Buffer.concat([Uint8Array.of(importance | fuA, start | end | type), fragment]);
  });
}

/** Of an access unit, each after its length in four bytes. */
function nalUnits(data: Uint8Array): Uint8Array[] {
  const view = viewOf(data);
  const units: Uint8Array[] = [];
  for (let at = 0; at + 4 <= data.length; at += 4 + view.getUint32(at)) {
    const unit = data.subarray(at + 4, at + 4 + view.getUint32(at));
    if (unit.length > 0) units.push(unit);
  }
  return units;
}

/** Of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1.2): both lists, each a count and entries with their length. */
function parameterSets(record: Uint8Array): Uint8Array[] {
  const view = viewOf(record);
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const countMask of [0x1f, 0xff]) { // sequence, then picture parameter sets
    for (let left = record[at++]! & countMask; left > 0; left--) {
      const end = at + 2 + view.getUint16(at);
      sets.push(record.subarray(at + 2, end));
      at = end;
    }
  }
  return sets;
}

/** As many as needed, as equal as possible: a short last packet would cost as much as a full one. */
function pieces(data: Uint8Array, maxBytes: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(data.length / maxBytes));
  return Array.from(
    { length: count },
    (_, k) => data.subarray(Math.floor((k * data.length) / count), Math.floor(((k + 1) * data.length) / count)),
  );
}

function sizeIn2Bytes({ length }: Uint8Array): Uint8Array {
  return Uint8Array.of(length >>> 8, length & 0xff);
}
