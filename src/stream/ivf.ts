/**
 * IVF, the container in which ffmpeg hands out VP8: a file header, then each frame behind its own. Pure.
 * Layout: https://wiki.multimedia.cx/index.php/IVF; libvpx `ivfenc.c`, `ivf_write_file_header` and `ivf_write_frame_header`.
 * @module
 */
import type { AccessUnit } from "./access_unit.ts";
import { ByteReader, viewOf } from "./byte_reader.ts";

const signature = 0x444b4946; // "DKIF"
const frameHeaderBytes = 12; // size, 4 bytes; presentation time in units of the time base, 8 bytes

/** Access units of a VP8 stream whose time base is one frame. A frame that is cut off at the end is left out. */
export async function* readIvf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<AccessUnit, void, void> {
  const reader = new ByteReader(stream);
  try {
    const start = await reader.take(8);
    if (!start) return;
    if (viewOf(start).getUint32(0, false) !== signature) {
      throw new Error("Cannot read IVF: it does not begin with DKIF");
    }
    await reader.take(viewOf(start).getUint16(6, true) - start.length); // the header states its own length
    while (true) {
      const header = await reader.take(frameHeaderBytes);
      if (!header) return;
      const data = await reader.take(viewOf(header).getUint32(0, true));
      if (!data) return;
      yield { frameNumber: Number(viewOf(header).getBigUint64(4, true)), isKeyFrame: isVp8KeyFrame(data), data };
    }
  } finally {
    await reader.close();
  }
}

/** The lowest bit of the frame tag is 0 in a key frame (RFC 6386 section 9.1). */
function isVp8KeyFrame(data: Uint8Array): boolean {
  return data.length > 0 && (data[0]! & 1) === 0;
}
