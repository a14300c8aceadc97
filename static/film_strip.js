import { thumbnailSlots } from "./thumbnail_slots.js";

/**
 * The canvas behind the sections: their ground and their thumbnails. Outlines, words and patterns are elements on top of it,
 * so that they survive high contrast and large text. Draws at most once per animation frame, and not while hidden.
 *
 * @param thumbnails `createThumbnails(…)`
 */
export function createFilmStrip(canvas) {
  let drawn = null;
  let scheduled = 0;

  function draw() {
    scheduled = 0;
    if (!drawn || document.hidden || canvas.clientWidth === 0) return;
    const { cells } = drawn;
    const context = prepare(canvas);
    const colors = readColors(canvas);
    for (const cell of cells) {
      context.save();
      context.beginPath();
      context.roundRect(cell.leftPx, 0, cell.widthPx, canvas.clientHeight, cells.length > 16 ? 2 : 4);
      context.clip();
      paintGround(context, cell, drawn, canvas.clientHeight, colors);
      context.restore();
    }
    for (const slot of thumbnailSlots(cells, canvas.clientHeight, drawn.aspect)) {
      paintSlot(context, slot, drawn, canvas);
    }
  }

  const schedule = () => {
    if (drawn && !scheduled) scheduled = requestAnimationFrame(draw);
  };
  document.addEventListener("visibilitychange", schedule);

  return {
    /**
     * `{ cells, aspect, ready, previews, working, thumbnails, videoWidthPx }`: ranges `{ start, end, state }` that are `ready`
     * have pictures, those of `previews` have some for now.
     */
    update(next) {
      drawn = next;
      schedule();
    },
    /** Nothing is drawn until the next `update`. */
    clear() {
      drawn = null;
      prepare(canvas);
    },
    redraw: schedule,
  };
}

/** Sets the canvas to device pixels and clears it; drawing then counts in CSS pixels. */
function prepare(canvas) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return context;
}

function readColors(canvas) {
  const style = getComputedStyle(canvas);
  return {
    empty: style.getPropertyValue("--cell"),
    working: style.getPropertyValue("--accent-soft"),
    ready: style.getPropertyValue("--s3"),
  };
}

function paintGround(context, cell, { ready, working }, heightPx, colors) {
  context.fillStyle = cell.section === working ? colors.working : colors.empty;
  context.fillRect(cell.leftPx, 0, cell.widthPx, heightPx);
  context.fillStyle = colors.ready;
  for (const part of overlaps(cell, ready)) fillPart(context, cell, part, heightPx);
}

function fillPart(context, cell, part, heightPx) {
  const { leftPx, widthPx } = partOf(cell, part);
  context.fillRect(leftPx, 0, widthPx, heightPx);
}

/** Draws the thumbnail of a slot over those of its frames that exist. */
function paintSlot(context, slot, { ready, previews, thumbnails, aspect, videoWidthPx, cells }, canvas) {
  const parts = overlaps(slot, [...ready, ...previews]);
  if (parts.length === 0) return;
  const heightPx = canvas.clientHeight;
  const middle = (slot.start + slot.end) / 2;
  const frames = parts.map((part) => ({
    state: part.state,
    frame: clamp(Math.floor(middle), part.start, part.end - 1),
  }));
  frames.sort((a, b) => Math.abs(a.frame - middle) - Math.abs(b.frame - middle));
  const neededPx = Math.max(slot.widthPx, heightPx * aspect) * devicePixelRatio;
  const bitmap = thumbnails.get(frames[0].frame, frames[0].state, thumbnailWidth(neededPx, videoWidthPx));
  if (!bitmap) return;
  context.save();
  context.beginPath();
  for (const cell of cells) {
    if (cell.end <= slot.start || cell.start >= slot.end) continue;
    context.roundRect(cell.leftPx, 0, cell.widthPx, heightPx, cells.length > 16 ? 2 : 4);
  }
  context.clip();
  context.beginPath();
  for (const part of parts) {
    const { leftPx, widthPx } = partOf(slot, part);
    context.rect(leftPx, 0, widthPx, heightPx);
  }
  context.clip();
  drawCover(context, bitmap, slot.leftPx, slot.widthPx, heightPx);
  context.restore();
}

/** A few fixed widths, so that neighbours and page sizes share what is cached; never wider than the video. */
function thumbnailWidth(neededPx, videoWidthPx) {
  const width = [96, 192, 384].find((px) => px >= neededPx) ?? 384;
  return Math.min(width, videoWidthPx);
}

function drawCover(context, bitmap, leftPx, widthPx, heightPx) {
  const scale = Math.max(widthPx / bitmap.width, heightPx / bitmap.height);
  const width = widthPx / scale;
  const height = heightPx / scale;
  context.drawImage(
    bitmap,
    (bitmap.width - width) / 2,
    (bitmap.height - height) / 2,
    width,
    height,
    leftPx,
    0,
    widthPx,
    heightPx,
  );
}

/** The parts of ready ranges inside `[start, end)`. */
function overlaps({ start, end }, ready) {
  return ready
    .map((range) => ({ state: range.state, start: Math.max(start, range.start), end: Math.min(end, range.end) }))
    .filter((part) => part.start < part.end);
}

function partOf({ start, end, leftPx, widthPx }, part) {
  const perFrame = widthPx / (end - start);
  return { leftPx: leftPx + (part.start - start) * perFrame, widthPx: (part.end - part.start) * perFrame };
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
