/** Above this many sections a track is dense: thin gaps, no order words, the badge rises into the ruler. */
export const denseSections = 16;

/** Least width of a section that is a target of its own. */
export const targetPx = 24;

/**
 * Where the sections of a plan lie on a track.
 * @param sections making order, each `{ start, end }`, half-open in frames
 * @returns timeline order, each `{ section, start, end, leftPx, widthPx }`; `section` counts from 1 in making order
 */
export function sectionCells(sections, frames, trackPx) {
  const gapPx = sections.length > denseSections ? 1 : 3;
  return sections
    .map(({ start, end }, index) => {
      const leftPx = (start / frames) * trackPx;
      const rightPx = (end / frames) * trackPx - (end === frames ? 0 : gapPx);
      return { section: index + 1, start, end, leftPx, widthPx: Math.max(1, rightPx - leftPx) };
    })
    .sort((a, b) => a.start - b.start);
}

/** Middle of a frame on the track. */
export function frameToPx(frame, frames, trackPx) {
  return ((frame + 0.5) / frames) * trackPx;
}

export function pxToFrame(px, frames, trackPx) {
  return Math.min(frames - 1, Math.max(0, Math.floor((px / trackPx) * frames)));
}

/**
 * Marks of the ruler: one at each section edge, thinned to about ten, and the end.
 * @returns each `{ leftPx, label }`; the last one says its unit
 */
export function rulerTicks(cells, frames, frameRate, trackPx) {
  const most = Math.max(2, Math.min(10, Math.floor(trackPx / 56)));
  const every = Math.ceil(cells.length / most);
  const digits = every > 1 && frames / frameRate >= 20 ? 0 : 1;
  const ticks = cells
    .filter((_, index) => index % every === 0)
    .map(({ start, leftPx }) => ({
      leftPx,
      label: (start / frameRate).toFixed(start === 0 && digits === 0 ? 0 : digits),
    }))
    .filter(({ leftPx }) => leftPx === 0 || trackPx - leftPx > 72);
  return [...ticks, { leftPx: trackPx, label: `${(frames / frameRate).toFixed(1)} s` }];
}
