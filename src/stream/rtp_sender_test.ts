import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RtcpPacketConverter, RtcpSourceDescriptionPacket, RtcpSrPacket, RtpPacket } from "werift";
import type { Packet } from "./packetizer.ts";
import { type RtpHeader, RtpSender } from "./rtp_sender.ts";

interface Sent {
  readonly header: RtpHeader;
  readonly payload: Buffer;
}

function createSender(firstSequenceNumber = 100) {
  const sent: Sent[] = [];
  const reports: Buffer[] = [];
  const clock = { nowMs: 1_700_000_000_250 };
  const sender = new RtpSender({
    ssrc: 0x89abcdef,
    payloadType: 97,
    cname: "somebody",
    extensions: [{ id: 3, value: Buffer.from("0") }],
    firstSequenceNumber,
    now: () => clock.nowMs,
  }, {
    sendRtp: (header, payload) => void sent.push({ header, payload }),
    sendRtcp: (packet) => void reports.push(packet),
  });
  return { sender, sent, reports, clock };
}

function packets(count: number, timestamp = 9000): Packet[] {
  return Array.from(
    { length: count },
    (_, k) => ({ timestamp: (timestamp + k) % 2 ** 32, marker: k === count - 1, payload: Buffer.from([k & 0xff]) }),
  );
}

const numbers = (sent: readonly Sent[]) => sent.map(({ header }) => header.sequenceNumber);

Deno.test("RtpSender.send() writes headers that an RTP parser reads", () => {
  const { sender, sent } = createSender();
  sender.send(packets(2, 2 ** 32 - 1));
  const read = sent.map(({ header, payload }) => RtpPacket.deSerialize(Buffer.concat([header.bytes, payload])));
  assert.deepEqual(
    read.map(({ header, payload }) => ({
      version: header.version,
      marker: header.marker,
      payloadType: header.payloadType,
      sequenceNumber: header.sequenceNumber,
      timestamp: header.timestamp,
      ssrc: header.ssrc,
      extensions: header.extensions.map(({ id, payload }) => [id, payload.toString()]),
      payload: [...payload],
    })),
    [100, 101].map((sequenceNumber, k) => ({
      version: 2,
      marker: k === 1,
      payloadType: 97,
      sequenceNumber,
      timestamp: [2 ** 32 - 1, 0][k],
      ssrc: 0x89abcdef,
      extensions: [[3, "0"]],
      payload: [k],
    })),
  );
});

Deno.test("RtpSender.repeat() sends the same packet again, in the turn it was first sent in", () => {
  const { sender, sent } = createSender(65534);
  sender.send(packets(150));
  const before = sent.length;
  sender.repeat([65535, 0, 40_000]);
  sender.send(packets(1, 20_000));
  const again = sent.slice(before);
  assert.deepEqual(numbers(again), [65535, 0, 148]);
  assert.deepEqual(again.map(({ header }) => header.rollover), [0, 1, 1]);
  assert.equal(again[1]!.header.bytes, sent[2]!.header.bytes);
  assert.equal(sender.counts.repeats, 2);
});

Deno.test("RtpSender.repeat() forgets what is old and does not let a viewer multiply its stream", () => {
  const { sender, sent } = createSender(0);
  sender.send(packets(3000));
  sender.repeat([0, 1900]);
  assert.equal(sent.length, 3000, "both are more than 1024 packets old");
  for (let round = 0; round < 100; round++) sender.repeat(Array.from({ length: 1000 }, (_, k) => 2000 + k));
  assert.ok(sent.length <= 3000 + 2100, `${sent.length - 3000} repeats of 3000 packets`);
});

Deno.test("RtpSender reports once a second what it has sent, with the time of the clock on both scales", () => {
  const { sender, reports, clock } = createSender();
  sender.send(packets(2, 9000));
  clock.nowMs += 900;
  sender.send(packets(1, 90_000));
  assert.equal(reports.length, 1);
  clock.nowMs += 100;
  sender.send([]);
  assert.equal(reports.length, 2);
  const [report, description] = RtcpPacketConverter.deSerialize(reports[1]!) as [
    RtcpSrPacket,
    RtcpSourceDescriptionPacket,
  ];
  assert.ok(report instanceof RtcpSrPacket && description instanceof RtcpSourceDescriptionPacket);
  const { ntpTimestamp, rtpTimestamp, packetCount, octetCount } = report.senderInfo;
  assert.equal(report.ssrc, 0x89abcdef);
  assert.equal(rtpTimestamp, 90_000 + 100 * 90);
  assert.deepEqual([packetCount, octetCount], [3, 3]);
  assert.equal(Number(ntpTimestamp >> 32n), 1_700_000_001 + 2_208_988_800);
  assert.ok(Math.abs(Number(ntpTimestamp & 0xffffffffn) / 2 ** 32 - 0.25) < 1e-6);
  assert.deepEqual(description.chunks.map(({ source, items }) => [source, items[0]!.text]), [[0x89abcdef, "somebody"]]);
});

Deno.test("RtpSender goes on reporting when the computer's clock is put back", () => {
  const { sender, reports, clock } = createSender();
  sender.send(packets(1, 100));
  clock.nowMs -= 3_600_000;
  sender.send([]);
  clock.nowMs += 1000;
  sender.send(packets(1, 3100));
  assert.equal(reports.length, 3);
});

Deno.test("RtpSender.hear() learns loss and round trip from a report", () => {
  const { sender, reports, clock } = createSender();
  sender.send(packets(1));
  const ntp = reports[0]!.readBigUInt64BE(8);
  const lsr = Number((ntp >> 16n) & 0xffffffffn);
  clock.nowMs += 130;
  sender.hear({ fractionLost: 64, lsr, dlsr: Math.round(0.1 * 65536) });
  assert.equal(sender.fractionLost, 0.25);
  assert.ok(Math.abs(sender.roundTripMs! - 30) < 0.1);
  sender.hear({ fractionLost: 0, lsr: 0, dlsr: 0 });
  assert.equal(sender.fractionLost, 0);
  assert.ok(Math.abs(sender.roundTripMs! - 30) < 0.1, "a viewer that has not got a report yet tells nothing");
});
