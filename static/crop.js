/**
 * What is cut off a picture. Pure: no DOM, no clock. Agrees with the engine's `src/engine/resample.ts`.
 * @module
 */

/**
 * What of a picture becomes the video: it is scaled until it covers the size and cut evenly on both sides. In pixels of
 * the picture; `share` is the part cut off, 0 to 1; `axis` the side it is cut on.
 */
export function cropFor(picture, size) {
  const scale = Math.max(size.widthPx / picture.widthPx, size.heightPx / picture.heightPx);
  const widthPx = size.widthPx / scale;
  const heightPx = size.heightPx / scale;
  const share = 1 - (widthPx * heightPx) / (picture.widthPx * picture.heightPx);
  const axis = share < 1e-9 ? "none" : widthPx < picture.widthPx - 1e-6 ? "horizontal" : "vertical";
  return {
    leftPx: (picture.widthPx - widthPx) / 2,
    topPx: (picture.heightPx - heightPx) / 2,
    widthPx,
    heightPx,
    share: axis === "none" ? 0 : share,
    axis,
    isEnlarged: scale > 1,
  };
}
