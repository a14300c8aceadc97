/** Requests under way at once. */
const parallel = 4;

/**
 * Shows frames fetched one by one: a single one, or a section in a loop. A loop begins when all its frames are here, so that
 * it plays at its own speed from the first turn on.
 *
 * @param range half-open; one frame long for a single picture
 * @param state `"playing" | "paused"`
 * @param draw `(bitmap, frame)`
 */
export function playStills({ range, state, frameRate, url, draw }) {
  const abort = new AbortController();
  const count = range.end - range.start;
  const bitmaps = new Array(count).fill(null);
  let at = 0;
  let since = 0;
  let request = 0;

  async function loadOne(index) {
    const response = await fetch(url(range.start + index), { signal: abort.signal });
    if (!response.ok) throw new Error(`Cannot load frame ${range.start + index}: got ${response.status}`);
    bitmaps[index] = await createImageBitmap(await response.blob());
    if (index === 0) draw(bitmaps[0], range.start);
  }

  async function loadAll() {
    let next = 0;
    const lane = async () => {
      while (next < count) await loadOne(next++);
    };
    await Promise.all(Array.from({ length: parallel }, lane));
    if (stills.state === "playing") start();
  }

  function start() {
    since = performance.now() - (at * 1000) / frameRate;
    request = requestAnimationFrame(turn);
  }

  function turn(now) {
    const index = Math.floor(((now - since) * frameRate) / 1000) % count;
    if (index !== at && index >= 0) {
      at = index;
      draw(bitmaps[index], range.start + index);
    }
    request = requestAnimationFrame(turn);
  }

  const stills = {
    state,
    isSection: count > 1,
    toggle() {
      stills.state = stills.state === "playing" ? "paused" : "playing";
      if (stills.state === "paused") cancelAnimationFrame(request);
      else if (bitmaps.every(Boolean)) start();
    },
    stop() {
      abort.abort();
      cancelAnimationFrame(request);
      for (const bitmap of bitmaps) bitmap?.close();
    },
  };
  // A frame that is not there leaves the last picture up.
  loadAll().catch(() => {});
  return stills;
}
