import { sectionAt } from "./frame_map.js";

/** Requests under way at once; a browser keeps six connections to a host, and the others are needed. */
const parallel = 3;

/** State of a frame that has only a preview, of this step. */
export const previewState = (section, step) => `preview ${section} ${step}`;

/**
 * State of a frame in work, null where there is no preview: `newest` in the section of the progress, that of the last step in
 * one before it, which is decoded meanwhile.
 */
export function previewStateAt({ plan, settings, progress: { section, steps } }, frame, newest) {
  const at = sectionAt(plan, frame);
  return settings.previews && at < section ? previewState(at, steps) : newest;
}

/**
 * Small pictures of single frames, each fetched once per state: what was provisional is asked for again when it is
 * final, a preview at each step, and the older picture stands until the newer one is here.
 *
 * @param frameUrl `(frame, widthPx) => url`
 * @param onArrival called when a picture has come
 */
export function createThumbnails(frameUrl, onArrival) {
  const bitmaps = new Map();
  const asked = new Set();
  const waiting = [];
  const abort = new AbortController();
  let running = 0;

  async function load({ frame, state, widthPx }) {
    const response = await fetch(frameUrl(frame, widthPx), {
      signal: abort.signal,
      cache: state === "final" ? "default" : "no-cache",
    });
    if (!response.ok) throw new Error(`Cannot load frame ${frame}: got ${response.status}`);
    const bitmap = await createImageBitmap(await response.blob());
    bitmaps.get(frame)?.close();
    bitmaps.set(frame, bitmap);
    onArrival();
  }

  function next() {
    while (running < parallel && waiting.length > 0) {
      const wanted = waiting.shift();
      running++;
      load(wanted)
        // A frame that is not there yet is asked for again when its range changes. Not every model has previews.
        .catch(() => wanted.state.startsWith("preview") || asked.delete(key(wanted)))
        .finally(() => {
          running--;
          next();
        });
    }
  }

  return {
    /** The newest picture of a frame, or null; asks for it when it is missing or older than `state`. */
    get(frame, state, widthPx) {
      const wanted = { frame, state, widthPx };
      if (!asked.has(key(wanted)) && !abort.signal.aborted) {
        asked.add(key(wanted));
        waiting.push(wanted);
        next();
      }
      return bitmaps.get(frame) ?? null;
    },
    /** What is there already nearest to a frame, within `framesApart`; asks for nothing. */
    nearest(frame, framesApart) {
      let best = null;
      for (const [at, bitmap] of bitmaps) {
        const apart = Math.abs(at - frame);
        if (apart <= framesApart && (best === null || apart < best.apart)) best = { apart, bitmap };
      }
      return best?.bitmap ?? null;
    },
    dispose() {
      abort.abort();
      waiting.length = 0;
      for (const bitmap of bitmaps.values()) bitmap.close();
      bitmaps.clear();
    },
  };
}

function key({ frame, state }) {
  return `${frame} ${state}`;
}
