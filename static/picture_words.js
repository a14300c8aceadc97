/**
 * What the form says of its pictures. Pure: no DOM, no clock.
 * @module
 */
import { pixelSize } from "./measures.js";

export const refusals = {
  notPicture: "This file is not a picture the server can read (PNG, JPEG, WebP, AVIF).",
  tooLarge: "This picture is larger than 20 MB.",
  camera: "The browser did not allow the camera.",
};

/** What a start picture becomes: `{ size, becomes, cut, soft }`; `soft` is empty when the picture is large enough. */
export function pictureFacts(picture, size, crop) {
  const isSame = picture.widthPx === size.widthPx && picture.heightPx === size.heightPx;
  return {
    size: pixelSize(picture),
    becomes: `${isSame ? "stays" : "becomes"} ${pixelSize(size)}`,
    cut: cutInWords(crop),
    soft: crop.isEnlarged ? "Smaller than the video: it will look soft." : "",
  };
}

function cutInWords({ axis, share }) {
  const percent = Math.round(100 * share);
  if (axis === "none" || percent === 0) return "Nothing is cut off";
  return `${percent}% is cut off ${axis === "horizontal" ? "left and right" : "top and bottom"}`;
}

/** What a video from words alone can begin with, by the API's word. */
export const plainStarts = { black: "Black", white: "White", green: "Green", noise: "Noise" };

export const plainHint = "No picture: the words alone say what is shown.";
