import { call, frameUrl } from "./api.js";

/** Lets the browser save what lies at an address. */
export function saveAs(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/**
 * Saves the frame at the playhead as a PNG: what is up when that is the file or a single frame. A live picture went through
 * a lossy encoder, so the frame itself is asked for.
 * @param source canvas or video that is up
 */
export async function saveFrame({ id, plan }, { source: kind, frame }, source) {
  const picture = kind === "live" ? await fetchFrame(id, frame, plan.widthPx) : source;
  const canvas = new OffscreenCanvas(plan.widthPx, plan.heightPx);
  canvas.getContext("2d").drawImage(picture, 0, 0, plan.widthPx, plan.heightPx);
  const url = URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
  saveAs(url, `framecast-${id}-frame-${frame}.png`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function fetchFrame(id, frame, widthPx) {
  const response = await call(frameUrl(id, frame, widthPx));
  return await createImageBitmap(await response.blob());
}
