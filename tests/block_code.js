/**
 * The block code of the test-pattern engine (`src/engine/test_pattern.ts`): 32 black or white cells, 8 across and 4 down,
 * over the lower half of a picture. Plain JavaScript, so that a page can use it, too.
 *
 * Bits, highest first, row by row: 16 frame number, 2 state, 6 section, 8 checksum of the three bytes before it. A picture
 * of a preview has, in place of the frame number, 8 step and 8 its number in the clip.
 */
const columns = 8;
const rows = 4;
const states = ["preview", "provisional", "final"];

/**
 * @param {{ width: number, height: number, data: ArrayLike<number> }} picture as from `getImageData`, or RGB24
 * @returns {{ frame: number, state: string, section: number, step?: number, picture?: number } | null} null when the
 *   checksum does not fit; a preview has step and picture
 */
export function readBlockCode({ width, height, data }) {
  const channels = data.length / (width * height);
  const cells = [];
  for (let cell = 0; cell < columns * rows; cell++) {
    const x = ((cell % columns) * width) / columns;
    const y = height / 2 + (Math.floor(cell / columns) * height) / (2 * rows);
    let sum = 0;
    let count = 0;
    // The inner half of the cell: its edges are smeared by coding and scaling.
    for (let dy = height / (8 * rows); dy < (3 * height) / (8 * rows); dy++) {
      for (let dx = width / (4 * columns); dx < (3 * width) / (4 * columns); dx++) {
        const at = (Math.floor(y + dy) * width + Math.floor(x + dx)) * channels;
        sum += data[at] + data[at + 1] + data[at + 2];
        count += 3;
      }
    }
    cells.push(sum / count);
  }
  return codeOfCells(cells);
}

/** The same from the mean brightness of each of the 32 cells, row by row. */
export function codeOfCells(cells) {
  const bytes = [0, 0, 0, 0];
  cells.forEach((grey, cell) => bytes[cell >> 3] = bytes[cell >> 3] * 2 + (grey >= 128 ? 1 : 0));
  const [high, low, stateAndSection, sum] = bytes;
  const state = states[stateAndSection >> 6];
  if (state === undefined || sum !== blockChecksum(high, low, stateAndSection)) return null;
  const section = stateAndSection & 63;
  return { frame: high * 256 + low, state, section, ...(state === "preview" ? { step: high, picture: low } : {}) };
}

/** One byte that mixes three; an all-black picture has no valid one. */
function blockChecksum(high, low, stateAndSection) {
  return ((high * 7 + low * 31 + stateAndSection * 113 + 90) ^ (low >> 3)) & 255;
}
