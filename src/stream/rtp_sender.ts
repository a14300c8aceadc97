/**
 * One row of RTP packets to one viewer (RFC 3550): headers, repeats of what the viewer says it lost (RFC 4585), sender
 * reports, and what its receiver reports tell of the line. All that differs between viewers of a rendition happens here,
 * so it is as short as it can be: no packet is copied before it is encrypted.
 * @module
 */
import { Buffer } from "node:buffer";
import { PacketRow } from "./packet_row.ts";
import type { Packet } from "./packetizer.ts";

/** Encrypts and sends to one viewer. Neither waits nor throws. */
export interface PacketLine {
  sendRtp(header: RtpHeader, payload: Buffer): void;
  sendRtcp(packet: Buffer): void;
}

/** A written header, with what encryption has to know of it. */
export class RtpHeader {
  constructor(
    readonly bytes: Buffer,
    readonly ssrc: number,
    readonly sequenceNumber: number,
    /** How often the sequence numbers have wrapped (RFC 3711 section 3.3.1). */
    readonly rollover: number,
  ) {}
}

export interface RtpSenderOptions {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Name of the source in reports. */
  readonly cname: string;
  /** Value and number of each header extension, the same in every packet (RFC 8285). */
  readonly extensions: readonly { readonly id: number; readonly value: Uint8Array }[];
  /** Below 2¹⁶. */
  readonly firstSequenceNumber: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One block of a receiver report (RFC 3550 section 6.4.1). */
export interface ReceptionReport {
  /** Of 256, since the report before. */
  readonly fractionLost: number;
  /** Middle 32 bits of the NTP time of the last sender report that got there; 0 for none. */
  readonly lsr: number;
  /** Time since then, in 1/65536 s. */
  readonly dlsr: number;
}

/** Counted from the connection's start. */
export interface RtpSenderCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly repeats: number;
}

/** Packets that may be asked for again: at 1.5 Mbit/s, of the last five seconds. */
const historyPackets = 1024;
const reportEveryMs = 1000;

export class RtpSender {
  readonly #options: RtpSenderOptions;
  readonly #line: PacketLine;
  readonly #row: PacketRow;
  readonly #template: Buffer;
  readonly #history = new Array<{ header: RtpHeader; payload: Buffer } | undefined>(historyPackets);
  readonly #counts = { packets: 0, bytes: 0, repeats: 0 };
  #rollover = 0;
  #lastSequenceNumber = 0;
  #last = { timestamp: 0, atMs: 0 };
  #report = { atMs: 0, middle: 0 };
  #fractionLost = 0;
  #roundTripMs: number | null = null;

  constructor(options: RtpSenderOptions, line: PacketLine) {
    this.#options = options;
    this.#line = line;
    this.#row = new PacketRow(options.firstSequenceNumber);
    this.#template = headerTemplate(options);
    this.#report.atMs = options.now() - reportEveryMs;
  }

  get counts(): RtpSenderCounts {
    return { ...this.#counts };
  }

  /** Of the packets between the viewer's last two reports, 0 to 1. */
  get fractionLost(): number {
    return this.#fractionLost;
  }

  /** To the viewer and back; null before it has told. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  send(packets: readonly Packet[]): void {
    for (const packet of packets) {
      const header = this.#headerOf(packet);
      this.#history[header.sequenceNumber % historyPackets] = { header, payload: packet.payload };
      this.#counts.packets++;
      this.#counts.bytes += packet.payload.length;
      this.#line.sendRtp(header, packet.payload);
    }
    this.#reportWhenDue();
  }

  /** What is sent next comes from another encoder, and may be older than what was sent last. */
  turn(): void {
    this.#row.turn();
  }

  /**
   * Sends again what the viewer asks for, as far as it is remembered. Over time no more than half of what was sent: a
   * line that loses more is not helped by it.
   */
  repeat(sequenceNumbers: readonly number[]): void {
    for (const sequenceNumber of sequenceNumbers) {
      const entry = this.#history[sequenceNumber % historyPackets];
      if (entry?.header.sequenceNumber !== sequenceNumber) continue;
      if (this.#counts.repeats * 2 >= this.#counts.packets + historyPackets) return;
      this.#counts.repeats++;
      this.#line.sendRtp(entry.header, entry.payload);
    }
  }

  hear({ fractionLost, lsr, dlsr }: ReceptionReport): void {
    this.#fractionLost = fractionLost / 256;
    if (lsr !== this.#report.middle || lsr === 0) return;
    this.#roundTripMs = Math.max(0, this.#options.now() - this.#report.atMs - dlsr / 65.536);
  }

  #headerOf(packet: Packet): RtpHeader {
    const { sequenceNumber, timestamp } = this.#row.next(packet);
    if (sequenceNumber < this.#lastSequenceNumber) this.#rollover++;
    this.#lastSequenceNumber = sequenceNumber;
    this.#last = { timestamp, atMs: this.#options.now() };
    const bytes = Buffer.from(this.#template);
    if (packet.marker) bytes[1]! |= 0x80;
    bytes.writeUInt16BE(sequenceNumber, 2);
    bytes.writeUInt32BE(timestamp, 4);
    return new RtpHeader(bytes, this.#options.ssrc, sequenceNumber, this.#rollover);
  }

  /** Without reports a viewer cannot tell its round trip. */
  #reportWhenDue(): void {
    const { ssrc, cname, now } = this.#options;
    const nowMs = now();
    const sinceMs = nowMs - this.#report.atMs;
    if (sinceMs >= 0 && sinceMs < reportEveryMs) return; // below 0: the computer's clock was put back
    const { packets, bytes } = this.#counts;
    const timestamp = (this.#last.timestamp + Math.round((nowMs - this.#last.atMs) * 90)) >>> 0;
    const [seconds, fraction] = ntpTime(nowMs);
    this.#report = { atMs: nowMs, middle: ((seconds << 16) | (fraction >>> 16)) >>> 0 };
    this.#line.sendRtcp(Buffer.concat([
      senderReport({ ssrc, seconds, fraction, timestamp, packets, bytes }),
      sourceDescription(ssrc, cname),
    ]));
  }
}

/** Section 5.1 and, with extensions, RFC 8285 section 4.2: one byte of number and size, then the value. */
function headerTemplate({ ssrc, payloadType, extensions }: RtpSenderOptions): Buffer {
  const elements = extensions.flatMap(({ id, value }) => [(id << 4) | (value.length - 1), ...value]);
  const words = Math.ceil(elements.length / 4);
  const bytes = Buffer.alloc(12 + (words > 0 ? 4 + 4 * words : 0));
  bytes[0] = words > 0 ? 0x90 : 0x80; // version 2, extension bit
  bytes[1] = payloadType;
  bytes.writeUInt32BE(ssrc, 8);
  if (words === 0) return bytes;
  bytes.writeUInt16BE(0xbede, 12);
  bytes.writeUInt16BE(words, 14);
  bytes.set(elements, 16);
  return bytes;
}

const secondsFrom1900To1970 = 2_208_988_800;

/** Section 4: seconds since 1900 and 2⁻³² seconds. */
function ntpTime(unixMs: number): [seconds: number, fraction: number] {
  const seconds = Math.floor(unixMs / 1000);
  return [(seconds + secondsFrom1900To1970) % 2 ** 32, Math.floor((unixMs / 1000 - seconds) * 2 ** 32)];
}

interface SenderFacts {
  readonly ssrc: number;
  readonly seconds: number;
  readonly fraction: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly bytes: number;
}

/** Section 6.4.1, without reception blocks. */
function senderReport({ ssrc, seconds, fraction, timestamp, packets, bytes }: SenderFacts): Buffer {
  const report = Buffer.alloc(28);
  report[0] = 0x80;
  report[1] = 200;
  report.writeUInt16BE(6, 2); // words after the first
  [ssrc, seconds, fraction, timestamp, packets % 2 ** 32, bytes % 2 ** 32]
    .forEach((value, index) => report.writeUInt32BE(value, 4 + 4 * index));
  return report;
}

/** Section 6.5, one chunk with one item. */
function sourceDescription(ssrc: number, cname: string): Buffer {
  const text = Buffer.from(cname).subarray(0, 255);
  const words = Math.ceil((4 + 2 + text.length + 1) / 4); // source, type and size, text, end
  const description = Buffer.alloc(4 + 4 * words);
  description[0] = 0x81;
  description[1] = 202;
  description.writeUInt16BE(words, 2);
  description.writeUInt32BE(ssrc, 4);
  description[8] = 1; // CNAME
  description[9] = text.length;
  description.set(text, 10);
  return description;
}
