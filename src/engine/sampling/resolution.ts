/**
 * Which size a video gets from the shape of its start picture.
 *
 * FramePack 97fe5db, `bucket_tools.py` `find_nearest_bucket`.
 * @module
 */

/** Size of a picture in pixels. */
export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The resolution FramePack was trained at, and the only one whose sizes it publishes. */
export const publishedResolution = 640;

/** The published sizes, tallest last. There is no square one. */
const publishedSizes: readonly PictureSize[] = [
  { heightPx: 416, widthPx: 960 },
  { heightPx: 448, widthPx: 864 },
  { heightPx: 480, widthPx: 832 },
  { heightPx: 512, widthPx: 768 },
  { heightPx: 544, widthPx: 704 },
  { heightPx: 576, widthPx: 672 },
  { heightPx: 608, widthPx: 640 },
  { heightPx: 640, widthPx: 608 },
  { heightPx: 672, widthPx: 576 },
  { heightPx: 704, widthPx: 544 },
  { heightPx: 768, widthPx: 512 },
  { heightPx: 832, widthPx: 480 },
  { heightPx: 864, widthPx: 448 },
  { heightPx: 960, widthPx: 416 },
];

/** Width and height must be multiples of this: 8 for the VAE times 2 for the transformer's patches. */
export const sizeStepPx = 16;

/**
 * The published sizes of a resolution.
 * @throws `RangeError` for every resolution but 640, as the published code does
 */
export function publishedSizesOf(resolution: number): readonly PictureSize[] {
  if (resolution === publishedResolution) return publishedSizes;
  throw new RangeError(`Cannot find sizes for resolution ${resolution}: FramePack publishes those of 640 only`);
}

/**
 * Sizes of about `resolution`² pixels (64 and more): the published list at 640, else that list scaled to multiples of 16,
 * with a square in its middle.
 */
export function sizesOfResolution(resolution: number): readonly PictureSize[] {
  if (resolution === publishedResolution) return publishedSizes;
  const scaled = (px: number) => Math.round(px * resolution / publishedResolution / sizeStepPx) * sizeStepPx;
  const wide = publishedSizes.slice(0, publishedSizes.length / 2);
  const tall = publishedSizes.slice(publishedSizes.length / 2);
  const square = { heightPx: publishedResolution, widthPx: publishedResolution };
  const sizes = [...wide, square, ...tall].map(({ heightPx, widthPx }) => ({
    heightPx: scaled(heightPx),
    widthPx: scaled(widthPx),
  }));
  return sizes.filter((size, i) => !sizes.slice(0, i).some((other) => isSameSize(size, other)));
}

/** The size whose shape is nearest: least |h · w' − w · h'|; of equal ones the later. */
export function nearestSize(picture: PictureSize, sizes: readonly PictureSize[]): PictureSize {
  const distance = (size: PictureSize) => Math.abs(picture.heightPx * size.widthPx - picture.widthPx * size.heightPx);
  return sizes.reduce((best, size) => distance(size) <= distance(best) ? size : best);
}

function isSameSize(a: PictureSize, b: PictureSize): boolean {
  return a.heightPx === b.heightPx && a.widthPx === b.widthPx;
}
