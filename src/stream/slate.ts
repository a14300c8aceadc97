/**
 * What is shown where there is no picture: the start picture, grey and dim, under the strip of sections. An outline is
 * still to be made, the accent is being made, ink is done. For a channel between videos the strip of the wordmark. Pure.
 * @module
 */
import type { FrameRange, RgbImage, VideoFormat, VideoPlan } from "../video.ts";
import {
  accent,
  type Canvas,
  type Colour,
  fillRectangle,
  fillRounded,
  ink,
  quietInk,
  type Rectangle,
  slateGround,
  stage,
  strokeRounded,
} from "./drawing.ts";
import { sampledOf, type SectionWork } from "./footage.ts";
import { framesBefore } from "./frame_ranges.ts";

/** What the strip tells. */
export interface SlateFacts {
  readonly decoded: readonly FrameRange[];
  readonly work: SectionWork | null;
}

/** RGB24 of the video's size; the same object as long as nothing looks different. */
export interface SlatePainter {
  /** @param playhead frame that a line on the strip marks; undefined for no line */
  paint(facts: SlateFacts, playhead: number | undefined): Uint8Array;
}

export function createSlatePainter(plan: VideoPlan, startPicture: RgbImage): SlatePainter {
  const { widthPx, heightPx } = plan.format;
  const strip = stripIn(plan.format);
  let ground: Uint8Array | undefined;
  let strips: { readonly look: string; readonly pixels: Uint8Array } | undefined;
  let shown: { readonly under: Uint8Array; readonly playheadX: number; readonly pixels: Uint8Array } | undefined;
  const withStrip = (cells: readonly Cell[]): Uint8Array => {
    const look = JSON.stringify(cells);
    if (strips?.look === look) return strips.pixels;
    ground ??= greyed(startPicture);
    const pixels = ground.slice();
    drawStrip({ widthPx, heightPx, pixels }, strip, cells);
    strips = { look, pixels };
    return pixels;
  };
  return {
    paint(facts, playhead) {
      const under = withStrip(cellsOf(plan, facts, strip));
      if (playhead === undefined) return under;
      const playheadX = strip.x + Math.round(playhead / plan.frames * strip.width);
      if (shown?.under === under && shown.playheadX === playheadX) return shown.pixels;
      const pixels = under.slice();
      drawPlayhead({ widthPx, heightPx, pixels }, strip, playheadX);
      shown = { under, playheadX, pixels };
      return pixels;
    },
  };
}

const greyOpacity = 0.4;

/** ITU-R BT.601 luma at 40 % on the stage's colour. */
function greyed({ pixels }: RgbImage): Uint8Array {
  const grey = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const luma = 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
    grey.fill(Math.round(stage[0] * (1 - greyOpacity) + luma * greyOpacity), at, at + 3);
  }
  return grey;
}

interface Strip extends Rectangle {
  /** Pixels a thin line has at this size. */
  readonly line: number;
}

/** Centred at the bottom, in whole pixels. */
function stripIn({ widthPx, heightPx }: VideoFormat): Strip {
  const line = Math.max(1, Math.round(Math.min(widthPx, heightPx) / 256));
  const height = Math.max(6, Math.round(heightPx * 0.1));
  const margin = Math.max(4, Math.round(widthPx * 0.1));
  const below = Math.max(5, Math.round(heightPx * 0.1));
  return { x: margin, y: heightPx - below - height, width: widthPx - 2 * margin, height, line };
}

/** A section on the strip: where it lies and how much of it is made, from the side it grows from. */
interface Cell {
  readonly x: number;
  readonly width: number;
  readonly state: "planned" | "working" | "done";
  /** Filled pixels from `filledX` on; 0 when planned. */
  readonly filledX: number;
  readonly filledWidth: number;
}

function cellsOf({ frames, sections }: VideoPlan, { decoded, work }: SlateFacts, strip: Strip): Cell[] {
  const growsBackwards = sections.length > 1 && sections[0]!.start > 0;
  const scale = strip.width / frames;
  return sections.map(({ start, end }, index) => {
    const x = strip.x + Math.round(start * scale);
    const width = strip.x + Math.round(end * scale) - x;
    const made = (framesBefore(decoded, end) - framesBefore(decoded, start)) / (end - start);
    const isWorking = index < (work?.section ?? 0) && made < 1;
    const filledWidth = Math.round(width * Math.max(made, sampledOf(work, index + 1)));
    const filledX = growsBackwards ? x + width - filledWidth : x;
    return { x, width, state: isWorking ? "working" : made > 0 ? "done" : "planned", filledX, filledWidth };
  });
}

function drawStrip(canvas: Canvas, strip: Strip, cells: readonly Cell[]): void {
  const pad = strip.line * 4;
  const panel = { x: strip.x - pad, y: strip.y - pad, width: strip.width + 2 * pad, height: strip.height + 2 * pad };
  fillRounded(canvas, panel, strip.line * 7, slateGround, 0.84);
  const narrowest = Math.min(...cells.map(({ width }) => width));
  const gap = narrowest >= 16 * strip.line ? 2 * strip.line : narrowest >= 4 ? 1 : 0;
  for (const cell of cells) drawCell(canvas, strip, cell, gap);
}

function drawCell(canvas: Canvas, { y, height, line }: Strip, cell: Cell, gap: number): void {
  const frame = { x: cell.x + Math.floor(gap / 2), y, width: Math.max(1, cell.width - gap), height };
  const filledX = Math.max(frame.x, cell.filledX - Math.ceil(gap / 2));
  const filled = { ...frame, x: filledX, width: Math.min(cell.filledWidth, frame.x + frame.width - filledX) };
  const radius = Math.min(2.5 * line, frame.width / 3);
  const colour = cell.state === "working" ? accent : ink;
  if (cell.state === "working") fillRounded(canvas, frame, radius, accent, 0.28);
  if (filled.width < frame.width) {
    strokeRounded(canvas, frame, radius, line, cell.state === "planned" ? quietInk : colour, 0.7);
  }
  if (filled.width > 0) fillRounded(canvas, filled, radius, colour);
}

/** A line over the strip, with a dark edge so that it is seen on ink too. */
function drawPlayhead(canvas: Canvas, strip: Strip, centreX: number): void {
  const over = 2 * strip.line;
  const width = 2 * strip.line;
  const line = { x: centreX - width / 2, y: strip.y - over, width, height: strip.height + 2 * over };
  const edge = { x: line.x - strip.line, y: line.y - strip.line, width: 4 * strip.line, height: line.height + over };
  fillRectangle(canvas, edge, slateGround);
  fillRectangle(canvas, line, ink);
}

/** The four frames of `wordmark.svg`, in its units. */
const signFrames: readonly (Rectangle & { readonly colour: Colour; readonly radius: number })[] = [
  { x: 8.5, y: 5, width: 6, height: 16, radius: 1.8, colour: accent },
  { x: 16, y: 5, width: 6, height: 16, radius: 1.8, colour: ink },
  { x: 23.5, y: 5, width: 6, height: 16, radius: 1.8, colour: ink },
];
const signOutline = { x: 1, y: 5, width: 6, height: 16, radius: 1.8, lineWidth: 1.5 };

/**
 * Where a channel has no video to show.
 * @param progress of the video to come, 0 to 1; null when none is being made
 */
export function drawChannelSlate({ widthPx, heightPx }: VideoFormat, progress: number | null): Uint8Array {
  const canvas = { widthPx, heightPx, pixels: new Uint8Array(widthPx * heightPx * 3) };
  fillRectangle(canvas, { x: 0, y: 0, width: widthPx, height: heightPx }, slateGround);
  const scale = Math.min(heightPx * 0.2 / 16, widthPx * 0.4 / 28.5);
  const left = (widthPx - 28.5 * scale) / 2 - scale;
  const top = (heightPx - 16 * scale) / 2 - 5 * scale;
  const placed = ({ x, y, width, height }: Rectangle) => {
    const [at, over] = [Math.round(left + x * scale), Math.round(top + y * scale)]; // whole pixels keep small signs sharp
    return { x: at, y: over, width: Math.round(width * scale), height: Math.round(height * scale) };
  };
  const outline = Math.max(1, signOutline.lineWidth * scale);
  strokeRounded(canvas, placed(signOutline), signOutline.radius * scale, outline, ink, 0.62);
  for (const frame of signFrames) fillRounded(canvas, placed(frame), frame.radius * scale, frame.colour);
  if (progress !== null) {
    const lineHeight = Math.max(2, scale);
    const track = { ...placed(signOutline), y: top + 25 * scale, width: 28.5 * scale, height: lineHeight };
    fillRounded(canvas, track, lineHeight / 2, quietInk, 0.4);
    fillRounded(canvas, { ...track, width: Math.max(lineHeight, track.width * progress) }, lineHeight / 2, accent);
  }
  return canvas.pixels;
}
