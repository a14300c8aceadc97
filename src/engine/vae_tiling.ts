/**
 * Long or large videos go through the autoencoder in overlapping tiles that are blended afterwards. Statistics of the norms
 * are those of a tile, so the tiles are part of the result: where they lie is the reference's choice.
 * diffusers 0.33.1, `AutoencoderKLHunyuanVideo` `_temporal_tiled_decode`, `tiled_decode`, `_temporal_tiled_encode`,
 * `tiled_encode`, `blend_t`, `blend_v`, `blend_h`.
 * @module
 */

/** Numbers `[channels, frames, height, width]`, row-major. */
export interface Volume {
  readonly data: Float32Array;
  readonly shape: readonly [channels: number, frames: number, height: number, width: number];
}

/** How one axis is cut (in places of the input) and joined (in places of the output). */
interface AxisTiles {
  /** Cut only when the input is longer than this. */
  readonly above: number;
  readonly size: number;
  readonly stride: number;
  /** Places over which a tile fades in from the one before. */
  readonly blend: number;
  /** Places kept of a tile. In time, the first tile keeps one more. */
  readonly keep: number;
}

export interface Tiling {
  readonly time: AxisTiles;
  readonly rows: AxisTiles;
  readonly columns: AxisTiles;
  /** As `columns.above` where there are no temporal tiles: there diffusers 0.33.1 compares latents with the stride. */
  readonly widthSlip: number;
  /** Output places for a whole input. */
  readonly outputSizes: (shape: Volume["shape"]) => { frames: number; height: number; width: number };
}

const latentTiles: AxisTiles = { above: 256 / 8, size: 256 / 8, stride: 192 / 8, blend: 64, keep: 192 };
const pixelTiles: AxisTiles = { above: 256, size: 256, stride: 192, blend: 64 / 8, keep: 192 / 8 };

/** Latents → pixels. Tiles of 5 latent frames, 17 frames. */
export const decodeTiling: Tiling = {
  time: { above: 16 / 4, size: 16 / 4 + 1, stride: 12 / 4, blend: 4, keep: 12 },
  rows: latentTiles,
  columns: latentTiles,
  widthSlip: latentTiles.stride,
  outputSizes: ([, frames, height, width]) => ({ frames: 4 * (frames - 1) + 1, height: 8 * height, width: 8 * width }),
};

/** Pixels → moments. Tiles of 17 frames, 5 latent frames. */
export const encodeTiling: Tiling = {
  time: { above: 16, size: 16 + 1, stride: 12, blend: 1, keep: 12 / 4 },
  rows: pixelTiles,
  columns: pixelTiles,
  widthSlip: pixelTiles.above,
  outputSizes: ([, frames, height, width]) => ({ frames: (frames - 1) / 4 + 1, height: height / 8, width: width / 8 }),
};

/** Latent frames that sections of a window are decoded with: alone or with a neighbour, with the start frame or without. */
export const decodedLengths = (windowLatentFrames: number): number[] =>
  [1, 2].flatMap((windows) => [windows * windowLatentFrames, windows * windowLatentFrames + 1]);

/** Whether tiles of more than 256 pixels a side are cut into smaller ones. */
export type SpatialTiles = "tiled" | "whole";

/** Computes one tile; it must leave its input as it is. */
export type TileFunction = (tile: Volume) => Promise<Volume>;

/** The distinct shapes of the tiles that `inTiles` computes. */
export function tileShapes(shape: Volume["shape"], tiling: Tiling, spatial: SpatialTiles): Volume["shape"][] {
  const [channels, frames, height, width] = shape;
  const inTime = frames > tiling.time.above;
  const inSpace = spatial === "tiled" && isLarge(shape, tiling);
  const lengths = (size: number, axis: AxisTiles, isCut: boolean) =>
    isCut ? [...new Set(tileRanges(size, axis).map(({ start, end }) => end - start))] : [size];
  return lengths(frames, tiling.time, inTime).filter((length) => !inTime || length > 1).flatMap((tileFrames) =>
    lengths(height, tiling.rows, inSpace).flatMap((tileHeight) =>
      lengths(width, tiling.columns, inSpace).map((
        tileWidth,
      ): Volume["shape"] => [channels, tileFrames, tileHeight, tileWidth])
    )
  );
}

/**
 * Applies `compute` to tiles of `input`, up to `lanes` at once, and blends what it gives. Long inputs are always cut in time.
 */
export async function inTiles(
  input: Volume,
  tiling: Tiling,
  spatial: SpatialTiles,
  compute: TileFunction,
  lanes = 1,
): Promise<Volume> {
  const inSpace = spatial === "tiled" && isLarge(input.shape, tiling);
  const perFrames = inSpace ? (tile: Volume) => inSpatialTiles(tile, tiling, compute, lanes) : compute;
  return input.shape[frameAxis] > tiling.time.above
    ? await inTemporalTiles(input, tiling, perFrames, inSpace ? 1 : lanes)
    : await perFrames(input);
}

function isLarge([, frames, height, width]: Volume["shape"], { time, rows, columns, widthSlip }: Tiling): boolean {
  return height > rows.above || width > (frames > time.above ? columns.above : widthSlip);
}

/** Half-open ranges of the tiles along an axis. */
const tileRanges = (length: number, { size, stride }: AxisTiles) =>
  Array.from({ length: Math.ceil(length / stride) }, (_, index) => ({
    start: index * stride,
    end: Math.min(index * stride + size, length),
  }));

async function inTemporalTiles(
  input: Volume,
  tiling: Tiling,
  compute: TileFunction,
  lanes: number,
): Promise<Volume> {
  const { blend, keep } = tiling.time;
  const tiles = tileRanges(input.shape[frameAxis], tiling.time)
    // Later tiles give up their first output frame; one of a single frame would give nothing.
    .filter(({ start, end }) => start === 0 || end - start > 1)
    .map(({ start, end }) => cut(input, frameAxis, start, end));
  const kept: Volume[] = [];
  let previous: Volume | undefined;
  for await (const whole of inOrder(tiles, compute, lanes)) {
    const blended = previous
      ? fadeIn(previous, cut(whole, frameAxis, 1, whole.shape[frameAxis]), frameAxis, blend)
      : whole;
    kept.push(cut(blended, frameAxis, 0, previous ? keep : keep + 1));
    previous = blended;
  }
  return cut(join(kept, frameAxis), frameAxis, 0, tiling.outputSizes(input.shape).frames);
}

async function inSpatialTiles(input: Volume, tiling: Tiling, compute: TileFunction, lanes: number): Promise<Volume> {
  const { rows, columns } = tiling;
  const [, , height, width] = input.shape;
  const bands: Volume[] = [];
  let above: Volume[] = [];
  for (const row of tileRanges(height, rows)) {
    const band = cut(input, rowAxis, row.start, row.end);
    const inputs = tileRanges(width, columns).map(({ start, end }) => cut(band, columnAxis, start, end));
    const tiles: Volume[] = [];
    for await (const computed of inOrder(inputs, compute, lanes)) {
      const [upper, before] = [above[tiles.length], tiles.at(-1)];
      const fromAbove = upper ? fadeIn(upper, computed, rowAxis, rows.blend) : computed;
      tiles.push(before ? fadeIn(before, fromAbove, columnAxis, columns.blend) : fromAbove);
    }
    const kept = tiles.map((tile) => cut(cut(tile, rowAxis, 0, rows.keep), columnAxis, 0, columns.keep));
    bands.push(join(kept, columnAxis));
    above = tiles;
  }
  const sizes = tiling.outputSizes(input.shape);
  return cut(cut(join(bands, rowAxis), rowAxis, 0, sizes.height), columnAxis, 0, sizes.width);
}

/** The computed tiles in their order, up to `lanes` under way at a time. None is left behind when it ends or fails. */
async function* inOrder(tiles: readonly Volume[], compute: TileFunction, lanes: number): AsyncGenerator<Volume> {
  const underWay: Promise<Volume>[] = [];
  try {
    for (const tile of tiles) {
      const computing = compute(tile);
      computing.catch(() => {}); // it is awaited below, but perhaps not before it fails
      underWay.push(computing);
      if (underWay.length === lanes) yield await underWay.shift()!;
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}

const [frameAxis, rowAxis, columnAxis] = [1, 2, 3] as const;

/** A copy of `next` whose first places along `axis` go over linearly from the last ones of `previous`. */
function fadeIn(previous: Volume, next: Volume, axis: number, places: number): Volume {
  const [length, lengthBefore] = [next.shape[axis]!, previous.shape[axis]!];
  const extent = Math.min(lengthBefore, length, places);
  const inner = product(next.shape.slice(axis + 1));
  const data = next.data.slice();
  for (let outer = 0; outer < product(next.shape.slice(0, axis)); outer++) {
    for (let k = 0; k < extent; k++) {
      const weight = k / extent;
      const from = (outer * lengthBefore + lengthBefore - extent + k) * inner;
      const to = (outer * length + k) * inner;
      for (let i = 0; i < inner; i++) {
        data[to + i] = previous.data[from + i]! * (1 - weight) + data[to + i]! * weight;
      }
    }
  }
  return { data, shape: next.shape };
}

/** Places `[start, end)` of an axis, cut at its end. */
function cut(volume: Volume, axis: number, start: number, end: number): Volume {
  const length = volume.shape[axis]!;
  const stop = Math.min(end, length);
  if (start === 0 && stop === length) return volume;
  const inner = product(volume.shape.slice(axis + 1));
  const outer = product(volume.shape.slice(0, axis));
  const data = new Float32Array(outer * (stop - start) * inner);
  for (let o = 0; o < outer; o++) {
    const from = (o * length + start) * inner;
    data.set(volume.data.subarray(from, from + (stop - start) * inner), o * (stop - start) * inner);
  }
  return { data, shape: withSize(volume.shape, axis, stop - start) };
}

function join(volumes: readonly Volume[], axis: number): Volume {
  const [first] = volumes;
  if (volumes.length === 1) return first!;
  const shape = withSize(first!.shape, axis, volumes.reduce((sum, volume) => sum + volume.shape[axis]!, 0));
  const inner = product(shape.slice(axis + 1));
  const outer = product(shape.slice(0, axis));
  const data = new Float32Array(product(shape));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const volume of volumes) {
      const run = volume.shape[axis]! * inner;
      data.set(volume.data.subarray(o * run, (o + 1) * run), at);
      at += run;
    }
  }
  return { data, shape };
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

function withSize(shape: Volume["shape"], axis: number, size: number): Volume["shape"] {
  const changed = [...shape] as [number, number, number, number];
  changed[axis] = size;
  return changed;
}
