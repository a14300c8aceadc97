import assert from "node:assert/strict";
import { findFfmpeg } from "../ffmpeg.ts";
import type { AccessUnit } from "./access_unit.ts";
import { readFlv } from "./flv.ts";
import { createTransportMuxer } from "./mpegts.ts";

/** One transport packet as ISO/IEC 13818-1 2.4.3.2 cuts it. */
interface Packet {
  readonly pid: number;
  readonly isStart: boolean;
  readonly counter: number;
  readonly isRandomAccess: boolean;
  readonly clockReference: bigint | undefined;
  readonly payload: Uint8Array;
}

function readPackets(stream: Uint8Array): Packet[] {
  assert.equal(stream.length % 188, 0);
  return Array.from({ length: stream.length / 188 }, (_, k) => readPacket(stream.subarray(k * 188, (k + 1) * 188)));
}

function readPacket(bytes: Uint8Array): Packet {
  assert.equal(bytes[0], 0x47);
  assert.equal(bytes[1]! & 0xa0, 0, "no error, no priority");
  assert.equal(bytes[3]! & 0xc0, 0, "not scrambled");
  const hasField = (bytes[3]! & 0x20) !== 0;
  const fieldLength = hasField ? bytes[4]! + 1 : 0;
  assert.ok((bytes[3]! & 0x10) !== 0 && 4 + fieldLength < 188, "every packet carries something");
  const flags = fieldLength > 1 ? bytes[5]! : 0;
  const hasClock = (flags & 0x10) !== 0;
  const stuffing = bytes.subarray(4 + (hasClock ? 8 : Math.min(2, fieldLength)), 4 + fieldLength);
  assert.ok(stuffing.every((byte) => byte === 0xff));
  const reference = hasClock ? bytes.subarray(6, 12).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) : undefined;
  if (reference !== undefined) assert.equal((reference >> 9n) & 63n, 63n, "reserved bits are ones");
  return {
    pid: (bytes[1]! & 0x1f) * 256 + bytes[2]!,
    isStart: (bytes[1]! & 0x40) !== 0,
    counter: bytes[3]! & 0x0f,
    isRandomAccess: (flags & 0x40) !== 0,
    clockReference: reference === undefined ? undefined : reference >> 15n,
    payload: bytes.subarray(4 + fieldLength),
  };
}

/** A packetized picture: its time and its byte stream. */
function readPicture(packets: readonly Packet[]): { presentationTime: bigint; data: Uint8Array } {
  const bytes = new Uint8Array(packets.flatMap(({ payload }) => [...payload]));
  assert.deepEqual([...bytes.subarray(0, 9)], [0, 0, 1, 0xe0, 0, 0, 0x84, 0x80, 5]);
  const [a, b, c, d, e] = [...bytes.subarray(9, 14)].map(BigInt) as [bigint, bigint, bigint, bigint, bigint];
  assert.deepEqual([a >> 4n, a & 1n, c & 1n, e & 1n], [2n, 1n, 1n, 1n]);
  const presentationTime = ((a >> 1n) & 7n) << 30n | (b << 7n | c >> 1n) << 15n | d << 7n | e >> 1n;
  return { presentationTime, data: bytes.subarray(14) };
}

/** CRC-32/MPEG-2 by division of the whole message: what a table and its CRC leave is 0. */
function remainder(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const carry = (rest >>> 31) ^ ((byte >>> bit) & 1);
      rest = ((rest << 1) ^ (carry ? 0x04c11db7 : 0)) >>> 0;
    }
  }
  return rest;
}

function tableOf({ isStart, payload }: Packet): Uint8Array {
  assert.ok(isStart && payload[0] === 0);
  const table = payload.subarray(1, 1 + 3 + (payload[2]! & 0x0f) * 256 + payload[3]!);
  assert.equal(remainder(table), 0);
  assert.ok(payload.subarray(1 + table.length).every((byte) => byte === 0xff));
  return table;
}

const sps = [0x67, 66, 0xc0, 30, 1, 2];
const pps = [0x68, 0xce, 3];
const configuration = new Uint8Array([1, 66, 0xc0, 30, 0xff, 0xe1, 0, sps.length, ...sps, 1, 0, pps.length, ...pps]);

function unitOf(kind: "key" | "delta", nalBytes: number): AccessUnit {
  const nal = Uint8Array.from({ length: nalBytes }, (_, k) => k === 0 ? (kind === "key" ? 0x65 : 0x41) : k % 251);
  const data = new Uint8Array([0, 0, nalBytes >> 8, nalBytes & 255, ...nal]);
  return { frameNumber: 0, isKeyFrame: kind === "key", data, configuration };
}

Deno.test("packetsOf() writes the two tables before a key frame, with valid CRCs, and leads from one to the next", () => {
  const [association, map, ...video] = readPackets(createTransportMuxer().packetsOf(unitOf("key", 500), 0));
  const programs = tableOf(association!);
  assert.equal(association!.pid, 0);
  assert.equal((programs[10]! & 0x1f) * 256 + programs[11]!, map!.pid);
  const streams = tableOf(map!);
  const clockPid = (streams[8]! & 0x1f) * 256 + streams[9]!;
  const [type, high, low] = streams.subarray(12);
  assert.equal(type, 0x1b);
  assert.equal((high! & 0x1f) * 256 + low!, clockPid);
  assert.ok(video.every(({ pid }) => pid === clockPid));
  assert.ok(video[0]!.isRandomAccess);
});

Deno.test("packetsOf() carries every access unit unchanged, whatever its size, with delimiter and parameter sets", () => {
  const muxer = createTransportMuxer();
  for (let nalBytes = 1; nalBytes < 600; nalBytes++) {
    const kind = nalBytes % 50 === 1 ? "key" : "delta";
    const unit = unitOf(kind, nalBytes);
    const packets = readPackets(muxer.packetsOf(unit, nalBytes * 3000)).filter(({ pid }) => pid === 0x100);
    const { data } = readPicture(packets);
    const sets = kind === "key" ? [0, 0, 0, 1, ...sps, 0, 0, 0, 1, ...pps] : [];
    assert.deepEqual([...data], [0, 0, 0, 1, 9, 0xf0, ...sets, 0, 0, 0, 1, ...unit.data.subarray(4)]);
    assert.deepEqual(packets.map(({ isStart }) => isStart), packets.map((_, k) => k === 0));
    assert.equal(packets[0]!.isRandomAccess, kind === "key");
  }
});

Deno.test("packetsOf() counts the packets of each stream without a gap", () => {
  const muxer = createTransportMuxer();
  const expected = new Map<number, number>();
  for (let picture = 0; picture < 100; picture++) {
    const unit = unitOf(picture % 7 === 0 ? "key" : "delta", 1 + 97 * picture % 3000);
    for (const { pid, counter } of readPackets(muxer.packetsOf(unit, picture * 3000))) {
      assert.equal(counter, expected.get(pid) ?? counter);
      expected.set(pid, (counter + 1) % 16);
    }
  }
});

Deno.test("packetsOf() goes on in 33 bits where RTP timestamps come round, and comes round itself", () => {
  const muxer = createTransportMuxer();
  const stepTicks = 2 ** 31 - 1;
  let time = BigInt(2 ** 32 - 5);
  for (let picture = 0; picture < 12; picture++) {
    const timestamp = Number(time % 2n ** 32n);
    const packets = readPackets(muxer.packetsOf(unitOf("delta", 300), timestamp));
    assert.equal(packets[0]!.clockReference, time % 2n ** 33n);
    assert.equal(readPicture(packets).presentationTime, (time + 9000n) % 2n ** 33n);
    time += BigInt(stepTicks);
  }
});

Deno.test("packetsOf() drops delimiters that the encoder wrote and refuses VP8", () => {
  const data = new Uint8Array([0, 0, 0, 2, 9, 0x10, 0, 0, 0, 2, 0x41, 7]);
  const unit = { frameNumber: 0, isKeyFrame: false, data, configuration };
  const { data: stream } = readPicture(readPackets(createTransportMuxer().packetsOf(unit, 0)));
  assert.deepEqual([...stream], [0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x41, 7]);
  const vp8 = { frameNumber: 0, isKeyFrame: true, data };
  assert.throws(() => createTransportMuxer().packetsOf(vp8, 0), TypeError);
});

const ffmpeg = await findFfmpeg();
/** It comes with every ffmpeg that a system installs; the old one of the npm package lacks some options used here. */
const hasFfprobe = await new Deno.Command("ffprobe", { args: ["-version"], stdout: "null" }).output().then(
  ({ success }) => success,
  () => false,
);

function ffprobeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (ffprobe)`, ignore: !hasFfprobe, fn });
}

/** Moving pictures of one size, encoded as the live stream does, and the same without a container. */
async function encoded(size: string): Promise<{ units: AccessUnit[]; frames: string }> {
  const log = ["-loglevel", "error"];
  const source = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30`, "-frames:v", "40", "-pix_fmt", "yuv420p"];
  const coding = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-tune",
    "zerolatency",
    "-profile:v",
    "baseline",
    "-g",
    "15",
  ];
  await using process = ffmpeg.start([...log, ...source, ...coding, "-f", "flv", "pipe:1"]);
  const flv = await bytesOf(process.readable);
  const units = await Array.fromAsync(readFlv(ReadableStream.from([flv]), 30));
  return { units, frames: await run(ffmpeg.path, [...log, "-i", "pipe:0", ...hashes], flv) };
}

const hashes = ["-f", "framemd5", "-fps_mode", "passthrough", "pipe:1"];

async function bytesOf(readable: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

/** What a program prints; anything on its standard error fails. */
async function run(path: string, args: readonly string[], input: Uint8Array): Promise<string> {
  const child = new Deno.Command(path, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(input).then(() => writer.close());
  const { stdout, stderr } = await child.output();
  await written;
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** The hash of each decoded frame. */
function hashesIn(frameHashes: string): string[] {
  return frameHashes.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => line.split(",").at(-1)!);
}

/** Two encodings one after the other, as when a channel goes to a video of another size. */
async function twoSizes() {
  const parts = [await encoded("128x96"), await encoded("192x160")];
  const muxer = createTransportMuxer();
  const units = parts.flatMap(({ units }) => units);
  const packets = units.map((unit, picture) => muxer.packetsOf(unit, picture * 3000));
  return { parts, units, stream: new Uint8Array(await new Blob(packets).arrayBuffer()) };
}

ffprobeTest(
  "packetsOf() makes a stream that ffmpeg decodes to the frames that went in, over a change of size",
  async () => {
    const { parts, stream } = await twoSizes();
    const frames = await run(
      ffmpeg.path,
      ["-loglevel", "warning", "-i", "pipe:0", "-autoscale", "0", ...hashes],
      stream,
    );
    assert.deepEqual(hashesIn(frames), parts.flatMap(({ frames }) => hashesIn(frames)));
    assert.equal(hashesIn(frames).length, 80);
  },
);

ffprobeTest("packetsOf() makes a stream that can be entered at any key frame", async () => {
  const { units, stream } = await twoSizes();
  const starts = readPackets(stream).flatMap(({ pid }, index) => pid === 0 ? [index * 188] : []);
  assert.equal(starts.length, units.filter(({ isKeyFrame }) => isKeyFrame).length);
  for (const [index, start] of starts.entries()) {
    const args = ["-loglevel", "warning", "-i", "pipe:0", "-autoscale", "0", ...hashes];
    const frames = hashesIn(await run(ffmpeg.path, args, stream.subarray(start)));
    const keyFrames = units.flatMap(({ isKeyFrame }, picture) => isKeyFrame ? [picture] : []);
    assert.equal(frames.length, units.length - keyFrames[index]!);
  }
});

ffprobeTest("packetsOf() gives times that grow by a frame each, without a warning", async () => {
  const { units, stream } = await twoSizes();
  const entries = ["-show_entries", "packet=pts,dts,flags", "-of", "csv=p=0"];
  const output = await run("ffprobe", ["-loglevel", "warning", "-show_packets", ...entries, "-i", "pipe:0"], stream);
  const lines = output.split("\n").filter((line) => line !== "").map((line) => line.split(","));
  assert.deepEqual(lines.map(([pts]) => Number(pts)), units.map((_, picture) => 9000 + picture * 3000));
  assert.deepEqual(lines.map(([, dts]) => Number(dts)), units.map((_, picture) => 9000 + picture * 3000));
  assert.deepEqual(lines.map(([, , flags]) => flags!.startsWith("K")), units.map(({ isKeyFrame }) => isKeyFrame));
});
