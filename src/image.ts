/**
 * Picture files ↔ `RgbImage`. The only owner of sharp.
 * @module
 */
import sharp from "sharp";
import type { RgbImage } from "./video.ts";

/** What an uploaded picture may be. */
export const imageLimits = {
  sizeBytesMax: 20 * 1024 * 1024,
  pixelsMax: 40_000_000,
  sidePxMin: 16,
} as const;

/** A picture file that cannot be used; the message is one sentence for the person who sent it. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  constructor(readonly reason: "unreadable" | "tooLarge" | "tooSmall", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

// Only these decoders exist for us: no SVG, PDF or ImageMagick formats, which can read other files or run for ever.
const decoders = ["Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff"];
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: decoders.map((format) => `VipsForeignLoad${format}Buffer`) });
sharp.cache(false); // no picture is decoded twice

/**
 * Decodes PNG, JPEG, WebP, AVIF, GIF or TIFF: upright (EXIF), in sRGB (embedded profile, CMYK, grey, palette and 16 bits
 * converted), the first frame of an animated one. Transparent parts become white, as on a page; the reference's
 * `convert("RGB")` would show whatever colour lies hidden below them.
 *
 * The size is read from the header and refused before a pixel is decoded.
 * @throws `ImageError`
 */
export async function decodeImage(bytes: Uint8Array): Promise<RgbImage> {
  if (bytes.byteLength > imageLimits.sizeBytesMax) {
    const megabytes = (size: number) => `${(size / 2 ** 20).toFixed(1)} MB`;
    const limit = megabytes(imageLimits.sizeBytesMax);
    throw new ImageError(
      "tooLarge",
      `The image file has ${megabytes(bytes.byteLength)}, more than the ${limit} allowed`,
    );
  }
  await checkHeader(bytes);
  try {
    const { data, info } = await sharp(bytes, { failOn: "error", limitInputPixels: imageLimits.pixelsMax })
      .autoOrient()
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { widthPx: info.width, heightPx: info.height, pixels: new Uint8Array(data) };
  } catch (cause) {
    throw new ImageError("unreadable", damaged, { cause });
  }
}

async function checkHeader(bytes: Uint8Array): Promise<void> {
  const { width, height } = await readHeader(bytes);
  const size = `${width} × ${height} px`;
  if (width * height > imageLimits.pixelsMax) {
    const limit = imageLimits.pixelsMax / 1e6;
    throw new ImageError("tooLarge", `The image is ${size}, more than the ${limit} megapixels allowed`);
  }
  if (Math.min(width, height) < imageLimits.sidePxMin) {
    throw new ImageError("tooSmall", `The image is ${size}, each side must have at least ${imageLimits.sidePxMin} px`);
  }
}

async function readHeader(bytes: Uint8Array): Promise<{ readonly width: number; readonly height: number }> {
  if (bytes.byteLength === 0) throw new ImageError("unreadable", "The image file is empty");
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    const message = String(cause).includes("unsupported image format")
      ? "The file is not a PNG, JPEG, WebP, AVIF, GIF or TIFF image"
      : damaged;
    throw new ImageError("unreadable", message, { cause });
  }
}

const damaged = "The image file is damaged or incomplete";

/** A JPEG for looking at, such as a thumbnail; smaller than the picture where `widthPx` says so, never larger. */
export async function encodeJpeg(
  image: RgbImage,
  { widthPx = image.widthPx }: { readonly widthPx?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const picture = fromPixels(image).resize({ width: widthPx, withoutEnlargement: true });
  return new Uint8Array(await picture.jpeg({ quality: 82 }).toBuffer());
}

/** A PNG that decodes to exactly the same pixels. */
export async function encodePng(image: RgbImage): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await fromPixels(image).png().toBuffer());
}

/**
 * The largest centred part of a picture with the target's aspect ratio, at the target's size: for looking at, computed
 * beside the main thread. What the networks see is cropped by the engine, bit for bit as the reference does it.
 */
export async function coverImage(image: RgbImage, size: Pick<RgbImage, "widthPx" | "heightPx">): Promise<RgbImage> {
  const { widthPx, heightPx } = size;
  const data = await fromPixels(image).resize({ width: widthPx, height: heightPx, fit: "cover" }).raw().toBuffer();
  return { widthPx, heightPx, pixels: new Uint8Array(data) };
}

function fromPixels({ widthPx, heightPx, pixels }: RgbImage) {
  return sharp(pixels, { raw: { width: widthPx, height: heightPx, channels: 3 } });
}
