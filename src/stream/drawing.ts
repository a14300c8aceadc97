/**
 * Flat shapes on an RGB24 picture, with soft edges. Pure.
 * @module
 */

/** RGB24 `[heightPx, widthPx, 3]`, drawn on in place. */
export interface Canvas {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixels: Uint8Array;
}

/** In pixels; edges may lie between two. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Colour = readonly [red: number, green: number, blue: number];

// The dark theme of the pages, `static/tokens.css`.
export const accent: Colour = [0x4f, 0xe0, 0xcb];
export const ink: Colour = [0xf3, 0xf3, 0xf3];
export const quietInk: Colour = [0x96, 0x96, 0x9c];
export const stage: Colour = [0x06, 0x06, 0x06];
/** Of every slate. */
export const slateGround: Colour = [12, 12, 13];

export function fillRectangle(canvas: Canvas, rectangle: Rectangle, colour: Colour, opacity = 1): void {
  fillRounded(canvas, rectangle, 0, colour, opacity);
}

/** @param radius of the corners in pixels, at most half of the shorter side */
export function fillRounded(
  canvas: Canvas,
  rectangle: Rectangle,
  radius: number,
  colour: Colour,
  opacity = 1,
): void {
  drawCovered(canvas, rectangle, colour, opacity, (x, y) => clamp(0.5 - distance(rectangle, radius, x, y)));
}

/** A line of `lineWidth` pixels just inside the edge. */
export function strokeRounded(
  canvas: Canvas,
  rectangle: Rectangle,
  radius: number,
  lineWidth: number,
  colour: Colour,
  opacity = 1,
): void {
  drawCovered(canvas, rectangle, colour, opacity, (x, y) => {
    const depth = -distance(rectangle, radius, x, y);
    return clamp(depth + 0.5) - clamp(depth + 0.5 - lineWidth);
  });
}

/** @param coverage of the pixel with its centre at x, y: 0 to 1 */
function drawCovered(
  { widthPx, heightPx, pixels }: Canvas,
  { x, y, width, height }: Rectangle,
  colour: Colour,
  opacity: number,
  coverage: (x: number, y: number) => number,
): void {
  const right = Math.min(widthPx, Math.ceil(x + width));
  const bottom = Math.min(heightPx, Math.ceil(y + height));
  for (let row = Math.max(0, Math.floor(y)); row < bottom; row++) {
    for (let column = Math.max(0, Math.floor(x)); column < right; column++) {
      const alpha = opacity * coverage(column + 0.5, row + 0.5);
      const at = (row * widthPx + column) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const under = pixels[at + channel]!;
        pixels[at + channel] = Math.round(under + (colour[channel]! - under) * alpha);
      }
    }
  }
}

/** From a point to the edge of a rounded rectangle; negative inside. */
function distance({ x, y, width, height }: Rectangle, radius: number, atX: number, atY: number): number {
  const round = Math.min(radius, width / 2, height / 2);
  const dx = Math.abs(atX - x - width / 2) - width / 2 + round;
  const dy = Math.abs(atY - y - height / 2) - height / 2 + round;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - round;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
