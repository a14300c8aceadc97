/** Least width of a thumbnail. */
const thumbnailPx = 26;

/**
 * Where thumbnails stand: as many to a section as fit without distorting it, and one to several sections where these
 * are narrower than a thumbnail.
 * @returns each `{ start, end, leftPx, widthPx }`, half-open in frames
 */
export function thumbnailSlots(cells, trackHeightPx, aspect) {
  const slots = [];
  for (const cell of cells) {
    const last = slots.at(-1);
    if (last && last.widthPx < thumbnailPx && cell.widthPx < thumbnailPx) {
      last.end = cell.end;
      last.widthPx = cell.leftPx + cell.widthPx - last.leftPx;
      continue;
    }
    const count = Math.max(
      1,
      Math.min(Math.round(cell.widthPx / (trackHeightPx * aspect)), Math.floor(cell.widthPx / thumbnailPx)),
    );
    const framesEach = (cell.end - cell.start) / count;
    for (let index = 0; index < count; index++) {
      slots.push({
        start: Math.round(cell.start + index * framesEach),
        end: Math.round(cell.start + (index + 1) * framesEach),
        leftPx: cell.leftPx + (index * cell.widthPx) / count,
        widthPx: cell.widthPx / count,
      });
    }
  }
  return slots;
}
