import assert from "node:assert/strict";
import { decodeTiling, encodeTiling, inTiles, type TileFunction, tileShapes, type Volume } from "./vae_tiling.ts";

const volume = (...shape: Volume["shape"]): Volume => ({
  data: new Float32Array(shape.reduce((product, size) => product * size)),
  shape,
});

/** A decoder whose pixels are the number of the tile, in the order of the calls. */
function numbering(shapes: Volume["shape"][]): TileFunction {
  return ({ shape }) => {
    const [, frames, height, width] = shape;
    const pixels = volume(1, 4 * (frames - 1) + 1, 8 * height, 8 * width);
    pixels.data.fill(shapes.push(shape) - 1);
    return Promise.resolve(pixels);
  };
}

Deno.test("inTiles() leaves four latent frames whole, and cuts more into five at steps of three", async () => {
  const shapes: Volume["shape"][] = [];
  await inTiles(volume(16, 4, 2, 2), decodeTiling, "tiled", numbering(shapes));
  assert.deepEqual(shapes, [[16, 4, 2, 2]]);
  const nine: Volume["shape"][] = [];
  const { shape } = await inTiles(volume(16, 9, 2, 2), decodeTiling, "tiled", numbering(nine));
  assert.deepEqual(nine.map(([, frames]) => frames), [5, 5, 3]);
  assert.deepEqual(shape, [1, 33, 16, 16]);
});

Deno.test("inTiles() fades each tile in over four frames, and does not compute a tile that adds nothing", async () => {
  const shapes: Volume["shape"][] = [];
  const { data, shape } = await inTiles(volume(16, 10, 1, 1), decodeTiling, "whole", numbering(shapes));
  assert.deepEqual(shapes.map(([, frames]) => frames), [5, 5, 4]); // not the tile of frame 9 alone
  assert.deepEqual(shape, [1, 37, 8, 8]);
  const first = Array.from({ length: 37 }, (_, frame) => data[frame * 64]);
  const tile = (number: number) => [0.25, 0.5, 0.75].map((weight) => number - 1 + weight);
  assert.deepEqual(first, [...Array(14).fill(0), ...tile(1), ...Array(9).fill(1), ...tile(2), ...Array(8).fill(2)]);
});

Deno.test("inTiles() cuts space into 32 at steps of 24 and fades over 64 pixels, downwards before sidewards", async () => {
  const shapes: Volume["shape"][] = [];
  const { data, shape } = await inTiles(volume(16, 1, 33, 40), decodeTiling, "tiled", numbering(shapes));
  assert.deepEqual(shapes, [[16, 1, 32, 32], [16, 1, 32, 16], [16, 1, 9, 32], [16, 1, 9, 16]]);
  assert.deepEqual(shape, [1, 1, 264, 320]);
  const at = (row: number, column: number) => data[row * 320 + column];
  assert.deepEqual([at(0, 0), at(0, 192), at(0, 193), at(0, 255), at(0, 256)], [0, 0, 1 / 64, 63 / 64, 1]);
  // Tile 2 comes in from above over 64 rows: at row 32 of them it is 1; the right column is then between 1 and 3: 2.
  assert.deepEqual([at(192, 0), at(224, 0), at(224, 319), at(255, 0), at(263, 0)], [0, 1, 2, 2 * 63 / 64, 2]);
  // Neighbours are blended already: from above comes (0 + 1) / 2, so (1/2 + 3) / 2; from the left (0 + 2) / 2.
  assert.equal(at(224, 224), (1.75 + 1) / 2);
});

Deno.test("inTiles() leaves its input and the tiles it is given as they are", async () => {
  const tiles: Volume[] = [];
  const latents = volume(16, 7, 34, 1);
  latents.data.fill(2);
  await inTiles(latents, decodeTiling, "tiled", ({ shape: [, frames, height, width] }) => {
    const pixels = volume(3, 4 * (frames - 1) + 1, 8 * height, 8 * width);
    pixels.data.fill(tiles.push(pixels));
    return Promise.resolve(pixels);
  });
  assert.ok(tiles.every(({ data }, index) => data.every((value) => value === index + 1)));
  assert.ok(latents.data.every((value) => value === 2));
});

Deno.test("inTiles() encodes 17 frames at steps of 12 and large pictures in tiles of 256 pixels", async () => {
  const shapes: Volume["shape"][] = [];
  const encode: TileFunction = ({ shape: [, frames, height, width] }) => {
    shapes.push([3, frames, height, width]);
    return Promise.resolve(volume(32, (frames - 1) / 4 + 1, height / 8, width / 8));
  };
  assert.deepEqual((await inTiles(volume(3, 25, 16, 264), encodeTiling, "tiled", encode)).shape, [32, 7, 2, 33]);
  // Frames 0-16 and 12-24, each in two columns; the tile of frame 24 alone would give nothing.
  assert.deepEqual(shapes, [[3, 17, 16, 256], [3, 17, 16, 72], [3, 13, 16, 256], [3, 13, 16, 72]]);
});

Deno.test("inTiles() without spatial tiles computes a large picture whole", async () => {
  const shapes: Volume["shape"][] = [];
  await inTiles(volume(16, 1, 40, 40), decodeTiling, "whole", numbering(shapes));
  assert.deepEqual(shapes, [[16, 1, 40, 40]]);
});

const sizes: Volume["shape"][] = [[16, 1, 4, 26], [16, 5, 4, 26], [16, 9, 30, 33], [16, 10, 33, 40], [16, 4, 32, 24]];
for (const size of sizes) {
  Deno.test(`tileShapes() foretells the tiles of latents [${size}]`, async () => {
    for (const spatial of ["tiled", "whole"] as const) {
      const seen: Volume["shape"][] = [];
      await inTiles(volume(...size), decodeTiling, spatial, numbering(seen));
      const distinct = new Set(seen.map(String));
      assert.deepEqual(new Set(tileShapes(size, decodeTiling, spatial).map(String)), distinct);
    }
  });
}

/** Lets everything happen that can. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("inTiles() has as many tiles under way as it has lanes, and leaves none behind when one fails", async () => {
  const tiles: PromiseWithResolvers<Volume>[] = [];
  const compute: TileFunction = () => {
    tiles.push(Promise.withResolvers());
    return tiles.at(-1)!.promise;
  };
  let end: unknown = "not yet";
  inTiles(volume(16, 12, 1, 1), decodeTiling, "whole", compute, 2).catch((error) => end = error);
  await settled();
  assert.equal(tiles.length, 2);
  tiles[0]!.resolve(volume(3, 17, 8, 8));
  await settled();
  assert.equal(tiles.length, 3);
  const reason = new Error("no memory");
  tiles[1]!.reject(reason);
  await settled();
  assert.deepEqual([tiles.length, end], [3, "not yet"]);
  tiles[2]!.resolve(volume(3, 17, 8, 8));
  await settled();
  assert.deepEqual([tiles.length, end], [3, reason]);
});
