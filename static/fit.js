/** Up to this side a picture starts sharp, and may be enlarged four times when smooth. */
export const smallSidePx = 256;

/** Room for the crop marks, 8 px outside the picture. Sharp pictures take less, so that a whole step is not lost to it. */
const marginPx = { sharp: 8, smooth: 20 };

/** How a picture of this size is shown when nobody has chosen. */
export function defaultScaling({ widthPx, heightPx }) {
  return Math.max(widthPx, heightPx) <= smallSidePx ? "sharp" : "smooth";
}

/**
 * Size of a picture in CSS pixels. Sharp multiplies by a whole number of device pixels; where not even one fits,
 * the picture is shown smooth.
 *
 * @param format `{ widthPx, heightPx }` of the picture
 * @param box `{ widthPx, heightPx }` of the stage
 * @param scaling `"sharp"` or `"smooth"`
 * @param marks `"marks"` leaves room for crop marks, `"bare"` does not
 * @returns `{ widthPx, heightPx, scale, scaling, enlargeable }`; `enlargeable` when it could be shown 1.5 times or larger
 */
export function fitPicture(format, box, scaling, marks, devicePixelRatio) {
  const fit = (margin) =>
    Math.max(
      0.01,
      Math.min(
        (box.widthPx - 2 * margin) / format.widthPx,
        (box.heightPx - 2 * margin) / format.heightPx,
      ),
    );
  const bare = marks === "bare";
  const smoothFit = fit(bare ? 0 : marginPx.smooth);
  const sharpScale = Math.floor(fit(bare ? 0 : marginPx.sharp) * devicePixelRatio) / devicePixelRatio;
  const sharp = scaling === "sharp" && sharpScale > 0;
  const most = defaultScaling(format) === "sharp" ? 4 : 2;
  const scale = sharp ? sharpScale : bare ? smoothFit : Math.min(smoothFit, most);
  return {
    widthPx: format.widthPx * scale,
    heightPx: format.heightPx * scale,
    scale,
    scaling: sharp ? "sharp" : "smooth",
    enlargeable: smoothFit >= 1.5,
  };
}
