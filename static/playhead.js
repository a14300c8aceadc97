import { element } from "./element.js";
import { frameToPx, pxToFrame } from "./track_geometry.js";

/** Held this long, a finger opens the hover card. */
const holdMs = 450;
/** Moved this far, a press is a scrub and no click. */
const scrubPx = 4;

/**
 * The line that shows which frame is up, and everything the pointer does on the track.
 *
 * @param area the element the pointer works on; the playhead is put into it
 * @param handlers `onScrub(frame)` while it is dragged, `onRelease(frame)` where it is let go, `onClick(frame)`,
 *   `onHover({ frame, px } | null)`
 */
export function createPlayhead(area, { onScrub, onRelease, onClick, onHover }) {
  const node = element("div", {
    class: "playhead",
    role: "slider",
    tabindex: 0,
    "aria-label": "Playhead",
    "aria-valuemin": 0,
    hidden: true,
  });
  area.append(node);
  let frames = 1;
  let frame = 0;

  const at = (event) => {
    const box = area.getBoundingClientRect();
    const px = Math.min(box.width, Math.max(0, event.clientX - box.left));
    return { px, frame: pxToFrame(px, frames, box.width) };
  };
  trackPointer(area, { at, onScrub, onRelease, onClick, onHover });

  return {
    node,
    get frame() {
      return frame;
    },
    /** `text` is what a screen reader says of the frame. Returns where the line stands, in CSS pixels. */
    show(nextFrame, nextFrames, text) {
      frame = nextFrame;
      frames = nextFrames;
      const px = frameToPx(frame, frames, area.clientWidth);
      node.hidden = false;
      node.style.transform = `translateX(${Math.round(px)}px)`;
      node.setAttribute("aria-valuemax", frames - 1);
      node.setAttribute("aria-valuenow", frame);
      node.setAttribute("aria-valuetext", text);
      return px;
    },
    /** No frame is up: the pointer still needs to know how many there are. */
    hide(nextFrames) {
      frames = nextFrames;
      node.hidden = true;
    },
  };
}

/** Press and move scrubs, press and let go clicks, moving over hovers; a finger held still hovers too. */
function trackPointer(area, { at, onScrub, onRelease, onClick, onHover }) {
  let press = null;

  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    press = { x: event.clientX, kind: "click", hold: 0 };
    if (event.pointerType === "touch") {
      const place = at(event);
      press.hold = setTimeout(() => {
        press.kind = "hold";
        onHover(place);
      }, holdMs);
    }
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (press?.kind === "click" && Math.abs(event.clientX - press.x) > scrubPx) {
      clearTimeout(press.hold);
      press.kind = "scrub";
    }
    if (press?.kind === "scrub") onScrub(place.frame);
    if (event.pointerType !== "touch" || press?.kind === "hold") onHover(place);
  });
  const end = (event) => {
    if (!press) return;
    clearTimeout(press.hold);
    if (press.kind === "scrub") onRelease(at(event).frame);
    else if (event.type === "pointerup" && press.kind === "click") onClick(at(event).frame);
    if (event.pointerType === "touch") onHover(null);
    press = null;
  };
  area.addEventListener("pointerup", end);
  area.addEventListener("pointercancel", end);
  area.addEventListener("pointerleave", () => onHover(null));
}
