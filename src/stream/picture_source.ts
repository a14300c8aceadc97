/**
 * Where the pictures of a live stream come from: the video of one session, or a channel that goes from one to the next.
 * @module
 */
import type { VideoFormat } from "../video.ts";
import type { Run } from "./playout.ts";

/** What is to be seen at one tick. */
export interface TickPicture {
  /** May differ from that of the tick before: the sessions of a channel have sizes of their own. */
  readonly format: VideoFormat;
  /** RGB24 `[heightPx, widthPx, 3]`. The same object as before means that nothing has changed. */
  readonly pixels: Uint8Array;
  /** What comes next if nothing new arrives. */
  readonly run: Run;
  /** Which video, by the id of its session; null for a slate that belongs to none. */
  readonly video: string | null;
}

/** Has one reader; disposed with it. */
export interface PictureSource extends AsyncDisposable {
  /** @param tick of the grid all live pictures share; grows, with gaps when time was lost. */
  next(tick: number): Promise<TickPicture>;
}
