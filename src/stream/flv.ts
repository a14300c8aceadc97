/**
 * FLV, the container in which ffmpeg hands out H.264 without a frame of delay: a header, then tags. Pure.
 * Layout: Adobe Flash Video File Format Specification 10.1, annex E.2 to E.4.3.
 * @module
 */
import type { AccessUnit } from "./access_unit.ts";
import { ByteReader, viewOf } from "./byte_reader.ts";

const signature = 0x464c56; // "FLV"
const videoTag = 9;
const avcCodec = 7;
const previousTagSizeBytes = 4;
const tagHeaderBytes = 11; // type 1, data size 3, time 3 and 1 more on top, stream 3
const avcHeaderBytes = 5; // frame type and codec 1, packet type 1, composition time 3

/** Access units of an H.264 stream of `frameRate` pictures per second. A tag that is cut off at the end is left out. */
export async function* readFlv(
  stream: AsyncIterable<Uint8Array>,
  frameRate: number,
): AsyncGenerator<AccessUnit, void, void> {
  const reader = new ByteReader(stream);
  let configuration: Uint8Array | undefined;
  try {
    const start = await reader.take(9);
    if (!start) return;
    if (viewOf(start).getUint32(0, false) >>> 8 !== signature) throw new Error("Cannot read FLV: it does not begin so");
    await reader.take(viewOf(start).getUint32(5, false) - start.length); // the header states its own length
    while (true) {
      const header = await reader.take(previousTagSizeBytes + tagHeaderBytes);
      if (!header) return;
      const tag = tagOf(viewOf(header));
      const body = await reader.take(tag.sizeBytes);
      if (!body) return;
      if (tag.type !== videoTag || body.length < avcHeaderBytes || (body[0]! & 0x0f) !== avcCodec) continue;
      const data = body.subarray(avcHeaderBytes);
      if (body[1] === 0) configuration = data;
      else if (body[1] === 1 && configuration) {
        const frameNumber = Math.round((tag.timeMs * frameRate) / 1000);
        yield { frameNumber, isKeyFrame: body[0]! >>> 4 === 1, data, configuration };
      }
    }
  } finally {
    await reader.close();
  }
}

function tagOf(header: DataView): { type: number; sizeBytes: number; timeMs: number } {
  const at = previousTagSizeBytes;
  return {
    type: header.getUint8(at) & 0x1f, // above it: reserved and the encryption bit
    sizeBytes: header.getUint32(at, false) & 0xffffff,
    timeMs: ((header.getUint32(at + 4, false) >>> 8) | (header.getUint8(at + 7) << 24)) >>> 0,
  };
}
