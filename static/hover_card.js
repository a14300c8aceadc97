import { element, setText } from "./element.js";

/** Resting this long over a frame asks for its exact picture. */
const restMs = 80;

/**
 * The card over the film strip: picture, time and frame, and how sure that frame is.
 * @param area what it stands over; the card is put into it
 */
export function createHoverCard(area) {
  const canvas = element("canvas", { class: "hover-picture" });
  const time = element("b");
  const frame = element("span");
  const line = element("p");
  const card = element(
    "div",
    { class: "hover-card", hidden: true, "aria-hidden": "true" },
    canvas,
    element("p", { class: "hover-facts" }, time, frame),
    line,
  );
  area.append(card);
  let rest = 0;
  let shown = null;

  function paint(bitmap) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (bitmap) context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }

  return {
    /**
     * `{ px, time, frame, frameIndex, line, state, thumbnails, format }`: `state` null means that there is no picture.
     */
    show(next) {
      shown = next;
      card.hidden = false;
      const width = Math.min(152, Math.round(96 * (next.format.widthPx / next.format.heightPx)));
      const height = Math.round(width * (next.format.heightPx / next.format.widthPx));
      if (canvas.width !== width * devicePixelRatio) {
        canvas.width = width * devicePixelRatio;
        canvas.height = height * devicePixelRatio;
        Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
      }
      canvas.hidden = next.state === null;
      setText(time, next.time);
      setText(frame, next.frame);
      setText(line, next.line);
      const half = card.offsetWidth / 2;
      card.style.left = `${Math.min(area.clientWidth - half, Math.max(half, next.px))}px`;
      if (next.state === null) return;
      paint(next.thumbnails.nearest(next.frameIndex, 6));
      clearTimeout(rest);
      rest = setTimeout(
        () => paint(next.thumbnails.get(next.frameIndex, next.state, Math.min(192, next.format.widthPx))),
        restMs,
      );
    },
    /** A picture has come: perhaps the one that is waited for. */
    refresh() {
      if (!shown || card.hidden || shown.state === null) return;
      const bitmap = shown.thumbnails.nearest(shown.frameIndex, 0);
      if (bitmap) paint(bitmap);
    },
    hide() {
      clearTimeout(rest);
      card.hidden = true;
      shown = null;
    },
  };
}
