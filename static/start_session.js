import { problemFrom, unreachable } from "./api.js";

/**
 * Asks for a video. XMLHttpRequest, because `fetch` does not tell how much of a body has been sent.
 * @param {{ image?: Blob, name?: string, endImage?: Blob, settings: Record<string, unknown> }} request lists
 *   go as JSON
 * @param {(fraction: number) => void} onUploaded 0 to 1
 * @returns {Promise<object>} the new session's view
 */
export function startSession({ image, name, endImage, settings }, onUploaded, signal) {
  const form = new FormData();
  if (image) form.append("image", image, name);
  if (endImage) form.append("endImage", endImage, "end");
  for (const [key, value] of Object.entries(settings)) {
    form.append(key, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "api/sessions");
    request.setRequestHeader("accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && onUploaded(event.loaded / event.total);
    request.onload = () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve(JSON.parse(responseText));
      else reject(problemFrom(status, request.getResponseHeader("content-type"), responseText));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(signal?.reason ?? unreachable());
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
