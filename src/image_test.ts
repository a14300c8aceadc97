import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { coverImage, decodeImage, encodeJpeg, encodePng, ImageError, imageLimits } from "./image.ts";
import type { RgbImage } from "./video.ts";

type Channels = 1 | 3 | 4;

/** A picture filled with one colour, ready to be written by sharp in any format. */
function filled(colour: readonly number[], widthPx = 40, heightPx = 32) {
  const samples = Array.from({ length: widthPx * heightPx }, () => colour).flat();
  const sixteenBits = Math.max(...colour) > 255;
  const raw = { width: widthPx, height: heightPx, channels: colour.length as Channels };
  const picture = sharp(sixteenBits ? Uint16Array.from(samples) : Uint8Array.from(samples), { raw });
  return sixteenBits ? picture.toColourspace("rgb16") : picture;
}

function assertColour(image: RgbImage, expected: readonly number[], tolerance = 0): void {
  const first = [...image.pixels.subarray(0, 3)];
  assert.ok(first.every((value, at) => Math.abs(value - expected[at]!) <= tolerance), `${first} is not ${expected}`);
  assert.equal(image.pixels.length, image.widthPx * image.heightPx * 3);
}

const red = [250, 20, 30];

for (const format of ["png", "webp", "gif", "tiff", "jpeg", "avif"] as const) {
  Deno.test(`decodeImage() reads ${format}`, async () => {
    const lossless = format === "webp" ? { lossless: true } : {};
    const image = await decodeImage(await filled(red).toFormat(format, lossless).toBuffer());
    assert.deepEqual([image.widthPx, image.heightPx], [40, 32]);
    assertColour(image, red, format === "jpeg" || format === "avif" ? 6 : 0);
  });

  Deno.test(`decodeImage() refuses a ${format} file that was cut off`, async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => (at * 7919 + ((at * at) >> 3)) & 255);
    const bytes = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } }).toFormat(format).toBuffer();
    for (const kept of [0.3, 0.7, 0.98]) {
      await refused(bytes.subarray(0, bytes.length * kept), "unreadable", /damaged or incomplete|is not a PNG/);
    }
  });
}

Deno.test("decodeImage() turns a picture upright as its EXIF orientation says", async () => {
  const left = await filled([10, 10, 10], 20, 30).png().toBuffer();
  const halves = filled([240, 240, 240], 40, 30).composite([{ input: left, left: 0, top: 0 }]);
  // 6: the camera was turned, what is stored at the left belongs to the top.
  const image = await decodeImage(await halves.png().withMetadata({ orientation: 6 }).toBuffer());
  assert.deepEqual([image.widthPx, image.heightPx], [30, 40]);
  assert.deepEqual([image.pixels[0], image.pixels.at(-1)], [10, 240]);
});

Deno.test("decodeImage() converts CMYK", async () => {
  const bytes = await filled(red).withIccProfile("cmyk").toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
  assert.equal((await sharp(bytes).metadata()).space, "cmyk");
  assertColour(await decodeImage(bytes), red, 30); // printable colours are fewer
});

Deno.test("decodeImage() converts CMYK without a profile", async () => {
  const bytes = await filled([200, 200, 200]).toColourspace("cmyk").jpeg().toBuffer();
  assertColour(await decodeImage(bytes), [200, 200, 200], 20);
});

Deno.test("decodeImage() converts an embedded colour profile to sRGB", async () => {
  const bytes = await filled(red).withIccProfile("p3").png().toBuffer();
  const [storedRed] = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
  assert.ok(storedRed! < 240, `the file holds other numbers than sRGB's: ${storedRed}`);
  assertColour(await decodeImage(bytes), red, 1);
});

Deno.test("decodeImage() keeps the upper 8 of 16 bits", async () => {
  const bytes = await filled([0xffff, 0x8000, 0x1234]).png().toBuffer();
  assert.equal((await sharp(bytes).metadata()).depth, "ushort");
  assertColour(await decodeImage(bytes), [0xff, 0x80, 0x12]);
});

Deno.test("decodeImage() gives a palette picture its colours", async () => {
  const bytes = await filled(red).png({ palette: true }).toBuffer();
  assert.equal((await sharp(bytes).metadata()).isPalette, true);
  assertColour(await decodeImage(bytes), red);
});

Deno.test("decodeImage() makes three channels of grey", async () => {
  assertColour(await decodeImage(await filled([77]).toColourspace("b-w").png().toBuffer()), [77, 77, 77]);
});

Deno.test("decodeImage() shows transparent parts white", async () => {
  assertColour(await decodeImage(await filled([...red, 0]).png().toBuffer()), [255, 255, 255]);
  assertColour(await decodeImage(await filled([0, 0, 0, 128]).png().toBuffer()), [127, 127, 127], 1);
});

for (const format of ["gif", "webp"] as const) {
  Deno.test(`decodeImage() takes the first frame of an animated ${format}`, async () => {
    const frames = await Promise.all([[10, 10, 10], [200, 200, 200]].map((grey) => filled(grey).png().toBuffer()));
    const bytes = await sharp(frames, { join: { animated: true } }).toFormat(format, { loop: 0 }).toBuffer();
    assert.equal((await sharp(bytes).metadata()).pages, 2);
    const image = await decodeImage(bytes);
    assert.deepEqual([image.widthPx, image.heightPx], [40, 32]);
    assertColour(image, [10, 10, 10], 2);
  });
}

Deno.test("decodeImage() refuses what is not an image", async () => {
  await refused(new Uint8Array(), "unreadable", /^The image file is empty$/);
  await refused(new TextEncoder().encode("not an image"), "unreadable", /is not a PNG, JPEG, WebP, AVIF, GIF or TIFF/);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>`;
  await refused(new TextEncoder().encode(svg), "unreadable", /is not a PNG/);
});

Deno.test("decodeImage() refuses a side below 16 px", async () => {
  await refused(await filled(red, 1, 1).png().toBuffer(), "tooSmall", /1 × 1 px.*at least 16 px/);
  await refused(await filled(red, 400, 15).png().toBuffer(), "tooSmall", /400 × 15 px/);
  await decodeImage(await filled(red, 16, 16).png().toBuffer());
});

Deno.test("decodeImage() refuses a 20 000 px picture by its header, before decoding", async () => {
  const header = pngHeader(20_000, 20_000); // no pixel data at all: decoding would end as "unreadable"
  await refused(header, "tooLarge", /20000 × 20000 px, more than the 40 megapixels/);
});

Deno.test("decodeImage() refuses a file above the size limit", async () => {
  await refused(new Uint8Array(imageLimits.sizeBytesMax + 1), "tooLarge", /20\.\d MB, more than the 20\.0 MB/);
});

Deno.test("encodePng() decodes to the same pixels", async () => {
  const image = { widthPx: 17, heightPx: 19, pixels: Uint8Array.from({ length: 17 * 19 * 3 }, (_, at) => at % 251) };
  assert.deepEqual(await decodeImage(await encodePng(image)), image);
});

Deno.test("encodeJpeg() shrinks to the width asked for and never enlarges", async () => {
  const image = { widthPx: 64, heightPx: 32, pixels: new Uint8Array(64 * 32 * 3).fill(120) };
  const sizeOf = async (bytes: Uint8Array) => {
    const { widthPx, heightPx } = await decodeImage(bytes);
    return [widthPx, heightPx];
  };
  assert.deepEqual(await sizeOf(await encodeJpeg(image)), [64, 32]);
  assert.deepEqual(await sizeOf(await encodeJpeg(image, { widthPx: 32 })), [32, 16]);
  assert.deepEqual(await sizeOf(await encodeJpeg(image, { widthPx: 640 })), [64, 32]);
});

async function refused(bytes: Uint8Array, reason: ImageError["reason"], message: RegExp): Promise<void> {
  await assert.rejects(decodeImage(bytes), (error: Error) => {
    assert.ok(error instanceof ImageError, `${error}`);
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** PNG (third edition) 5.2 signature and 11.2.1 IHDR, then an empty IDAT. */
function pngHeader(widthPx: number, heightPx: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, widthPx);
  header.setUint32(4, heightPx);
  header.setUint8(8, 8); // bits
  header.setUint8(9, 2); // truecolour
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return joined([signature, pngChunk("IHDR", new Uint8Array(header.buffer)), pngChunk("IDAT", new Uint8Array())]);
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const checked = joined([new TextEncoder().encode(type), data]);
  return joined([uint32(data.length), checked, uint32(crc32(checked))]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

const joined = (parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

Deno.test("coverImage() keeps the middle of the longer side", async () => {
  const { data } = await filled(red, 90, 30).composite([
    { input: await filled([0, 0, 250], 30, 30).png().toBuffer(), left: 30, top: 0 },
  ]).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const image = await coverImage({ widthPx: 90, heightPx: 30, pixels: new Uint8Array(data) }, {
    widthPx: 16,
    heightPx: 16,
  });
  assert.deepEqual([image.widthPx, image.heightPx, image.pixels.length], [16, 16, 16 * 16 * 3]);
  assert.deepEqual([...image.pixels.subarray(8 * 16 * 3 + 24, 8 * 16 * 3 + 27)], [0, 0, 250]);
});
