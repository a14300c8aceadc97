/**
 * H.264 access units → MPEG-2 transport stream, one program with one stream. Pure.
 * Clauses are those of ISO/IEC 13818-1:2023 (= Rec. ITU-T H.222.0), for NAL units of ISO/IEC 14496-10 and 14496-15.
 * @module
 */
import type { AccessUnit } from "./access_unit.ts";

/** Makes one stream for any number of readers: whoever begins at a key frame's packets can decode all that follow. */
export interface TransportMuxer {
  /**
   * Packets of 188 bytes: the access unit, before a key frame also the two tables.
   * @param timestamp of the picture at 90 kHz, modulo 2³² as in RTP; at most 2³¹ after the one before
   * @throws TypeError for a unit that is not H.264
   */
  packetsOf(unit: AccessUnit, timestamp: number): Uint8Array<ArrayBuffer>;
}

export function createTransportMuxer(): TransportMuxer {
  const counters: Counters = new Map();
  const clock = createExtendedClock();
  return {
    packetsOf(unit, timestamp) {
      if (!unit.configuration) throw new TypeError("Cannot put an access unit without parameter sets into MPEG-TS");
      const time = clock(timestamp);
      const packet = pesPacket(byteStream(unit, unit.configuration), time + decodingDelay);
      const video = packetize(packet, videoPid, counters, { clockReference: time, isKeyFrame: unit.isKeyFrame });
      if (!unit.isKeyFrame) return video;
      const tables = [
        packetize(section(programAssociation), programAssociationPid, counters),
        packetize(section(programMap), programMapPid, counters),
      ];
      return concat([...tables, video]);
    },
  };
}

const packetBytes = 188;
const headerBytes = 4;
const programAssociationPid = 0;
const programMapPid = 0x1000;
const videoPid = 0x100;
const programNumber = 1;
/** 90 kHz from a picture's first byte to its display, for players that go by the program clock: three frames. */
const decodingDelay = 9000;
/** Program clock and presentation times have 33 bits (2.4.3.4, 2.4.3.6). */
const clockRange = 2 ** 33;

/** 33 bits out of 32: the stream's clock goes on where RTP's comes round. */
function createExtendedClock(): (timestamp: number) => number {
  let time: number | undefined;
  return (timestamp) => {
    time = time === undefined ? timestamp : (time + ((timestamp - time) | 0) + clockRange) % clockRange;
    return time;
  };
}

/** A field of a structure in bits, highest first. */
type Field = readonly [bits: number, value: number, name: string];

function packed(fields: readonly Field[]): Uint8Array {
  const bits = fields.map(([width, value]) => value.toString(2).padStart(width, "0")).join("");
  return Uint8Array.from({ length: bits.length / 8 }, (_, at) => parseInt(bits.slice(at * 8, at * 8 + 8), 2));
}

/** 2.4.4.4 program_association_section, without its CRC. */
const programAssociation: readonly Field[] = [
  [8, 0x00, "table_id"],
  [1, 1, "section_syntax_indicator"],
  [1, 0, "0"],
  [2, 3, "reserved"],
  [12, 13, "section_length"],
  [16, 1, "transport_stream_id"],
  [2, 3, "reserved"],
  [5, 0, "version_number"],
  [1, 1, "current_next_indicator"],
  [8, 0, "section_number"],
  [8, 0, "last_section_number"],
  [16, programNumber, "program_number"],
  [3, 7, "reserved"],
  [13, programMapPid, "program_map_PID"],
];

/** 2.4.4.9 TS_program_map_section, without its CRC. */
const programMap: readonly Field[] = [
  [8, 0x02, "table_id"],
  [1, 1, "section_syntax_indicator"],
  [1, 0, "0"],
  [2, 3, "reserved"],
  [12, 18, "section_length"],
  [16, programNumber, "program_number"],
  [2, 3, "reserved"],
  [5, 0, "version_number"],
  [1, 1, "current_next_indicator"],
  [8, 0, "section_number"],
  [8, 0, "last_section_number"],
  [3, 7, "reserved"],
  [13, videoPid, "PCR_PID"],
  [4, 15, "reserved"],
  [12, 0, "program_info_length"],
  [8, 0x1b, "stream_type"], // table 2-34: H.264 in byte stream format
  [3, 7, "reserved"],
  [13, videoPid, "elementary_PID"],
  [4, 15, "reserved"],
  [12, 0, "ES_info_length"],
];

/** A table as the payload of one packet: pointer_field, section, CRC_32, the rest stuffed (2.4.4). */
function section(fields: readonly Field[]): Uint8Array {
  const table = packed(fields);
  const crc = new Uint8Array(4);
  new DataView(crc.buffer).setUint32(0, crc32(table), false);
  const payload = new Uint8Array(packetBytes - headerBytes).fill(0xff);
  payload.set(concat([new Uint8Array(1), table, crc]));
  return payload;
}

/** Annex A: polynomial 04C11DB7, all ones to begin with, nothing reflected or inverted. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** 2.4.3.6 PES_packet of one access unit. Its length is left open, as it may be for video. */
function pesPacket(data: Uint8Array, presentationTime: number): Uint8Array {
  const pts = presentationTime % clockRange;
  const header = packed([
    [24, 0x000001, "packet_start_code_prefix"],
    [8, 0xe0, "stream_id"], // video stream 0
    [16, 0, "PES_packet_length"],
    [2, 2, "'10'"],
    [2, 0, "PES_scrambling_control"],
    [1, 0, "PES_priority"],
    [1, 1, "data_alignment_indicator"],
    [1, 0, "copyright"],
    [1, 0, "original_or_copy"],
    [2, 2, "PTS_DTS_flags"], // no picture waits for a later one, so there is one time only
    [6, 0, "other flags"],
    [8, 5, "PES_header_data_length"],
    [4, 2, "'0010'"],
    [3, Math.floor(pts / 2 ** 30), "PTS[32..30]"],
    [1, 1, "marker_bit"],
    [15, Math.floor(pts / 2 ** 15) % 2 ** 15, "PTS[29..15]"],
    [1, 1, "marker_bit"],
    [15, pts % 2 ** 15, "PTS[14..0]"],
    [1, 1, "marker_bit"],
  ]);
  return concat([header, data]);
}

const startCode = Uint8Array.of(0, 0, 0, 1);
const accessUnitDelimiterType = 9;
/** ISO/IEC 14496-10, 7.3.2.4: nal_unit_type 9, primary_pic_type 7 (any slice), stop bit. 2.14.1 wants it first. */
const accessUnitDelimiter = packed([[8, accessUnitDelimiterType, "nal_unit_type"], [3, 7, "type"], [5, 16, "stop"]]);

/** ISO/IEC 14496-10 annex B: delimiter, before a key frame the parameter sets, then the unit's own NAL units. */
function byteStream({ data, isKeyFrame }: AccessUnit, configuration: Uint8Array): Uint8Array {
  const own = nalUnits(data, 1 + (configuration[4]! & 3)).filter((unit) => typeOf(unit) !== accessUnitDelimiterType);
  const units = [accessUnitDelimiter, ...(isKeyFrame ? parameterSets(configuration) : []), ...own];
  return concat(units.flatMap((unit) => [startCode, unit]));
}

function typeOf(nalUnit: Uint8Array): number {
  return nalUnit[0]! & 0x1f;
}

/** ISO/IEC 14496-15, 5.3.4.2: each NAL unit after its length. */
function nalUnits(data: Uint8Array, lengthBytes: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at + lengthBytes < data.length;) {
    const length = data.subarray(at, at + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    units.push(data.subarray(at + lengthBytes, at + lengthBytes + length));
    at += lengthBytes + length;
  }
  return units.filter(({ length }) => length > 0);
}

/** Those of an AVCDecoderConfigurationRecord, ISO/IEC 14496-15, 5.3.3.1: sequence parameter sets, then picture ones. */
function parameterSets(record: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let at = 5; // after version, profile, compatibility, level and the length of lengths
  for (const countMask of [0x1f, 0xff]) {
    const count = record[at++]! & countMask;
    for (let set = 0; set < count; set++) {
      const length = record[at]! * 256 + record[at + 1]!;
      sets.push(record.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

type Counters = Map<number, number>;

/** What the first packet of an access unit carries besides. */
interface Adaptation {
  /** 90 kHz. */
  readonly clockReference: number;
  readonly isKeyFrame: boolean;
}

/** 2.4.3.2: a payload cut into packets; what is missing in the last one is stuffed before the payload. */
function packetize(
  payload: Uint8Array,
  pid: number,
  counters: Counters,
  adaptation?: Adaptation,
): Uint8Array<ArrayBuffer> {
  const first = adaptation ? adaptationField(adaptation) : new Uint8Array();
  const room = packetBytes - headerBytes;
  const packets = Math.ceil((first.length + payload.length) / room);
  const out = new Uint8Array(packets * packetBytes);
  for (let packet = 0, taken = 0; packet < packets; packet++) {
    const field = packet === 0 ? first : new Uint8Array();
    const take = Math.min(payload.length - taken, room - field.length);
    const counter = counters.get(pid) ?? 0;
    counters.set(pid, (counter + 1) % 16);
    const stuffed = stuff(field, room - take);
    const at = packet * packetBytes;
    out[at] = 0x47; // sync_byte
    out[at + 1] = (packet === 0 ? 0x40 : 0) | (pid >>> 8); // payload_unit_start_indicator, PID
    out[at + 2] = pid & 0xff;
    out[at + 3] = (stuffed.length > 0 ? 0x30 : 0x10) | counter; // adaptation_field_control, continuity_counter
    out.set(stuffed, at + headerBytes);
    out.set(payload.subarray(taken, taken + take), at + headerBytes + stuffed.length);
    taken += take;
  }
  return out;
}

/** 2.4.3.4 adaptation_field with program_clock_reference. */
function adaptationField({ clockReference, isKeyFrame }: Adaptation): Uint8Array {
  return packed([
    [8, 7, "adaptation_field_length"],
    [1, 0, "discontinuity_indicator"],
    [1, isKeyFrame ? 1 : 0, "random_access_indicator"],
    [1, 0, "elementary_stream_priority_indicator"],
    [1, 1, "PCR_flag"],
    [4, 0, "other flags"],
    [33, clockReference, "program_clock_reference_base"],
    [6, 63, "reserved"],
    [9, 0, "program_clock_reference_extension"],
  ]);
}

/** An adaptation field of exactly `sizeBytes`: a single byte is a length of 0, from two on there are flags. */
function stuff(field: Uint8Array, sizeBytes: number): Uint8Array {
  if (sizeBytes === field.length) return field;
  const stuffed = new Uint8Array(sizeBytes).fill(0xff);
  stuffed.set(field);
  stuffed[0] = sizeBytes - 1;
  if (field.length === 0 && sizeBytes > 1) stuffed[1] = 0;
  return stuffed;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
