/**
 * How old the picture is that OBS shows of `live.ts`.
 * @module
 */
import { Buffer } from "node:buffer";
import { decodeImage } from "../src/image.ts";
import { frameOfRun } from "../src/stream/playout.ts";
import { readBlockCode } from "./block_code.js";
import type { LiveSession, PlayoutData } from "./live_server.ts";
import type { Code } from "./live_ts_players.ts";
import type { Obs } from "./obs.ts";

/** What a Media Source is given for a picture that is as young as it can be. */
export const youngestPicture = {
  is_local_file: false,
  input_format: "mpegts",
  buffering_mb: 0,
  reconnect_delay_sec: 1,
  restart_on_activate: false,
  close_when_inactive: false,
  clear_on_media_end: false,
} as const;

/** What a source showed when OBS answered, on the clock of `performance.now()`. */
export interface Seen {
  readonly atMs: number;
  readonly code: Code;
  /** Of all colour values, 0 to 255. */
  readonly brightest: number;
}

/** Undefined before the source's first picture. */
export async function look(obs: Obs, source: string): Promise<Seen | undefined> {
  const png = await obs.screenshot(source);
  const atMs = performance.now();
  if (!png) return undefined;
  const { widthPx: width, heightPx: height, pixels: data } = await decodeImage(Buffer.from(png));
  const brightest = data.reduce((a, b) => Math.max(a, b), 0);
  return { atMs, code: readBlockCode({ width, height, data }), brightest };
}

/**
 * Milliseconds from the tick at which a frame went to the encoder to the moment at which OBS had answered with a
 * screenshot that shows it, so the time of the screenshot is part of it.
 * @param view of the source
 */
export async function obsDelays(
  { obs, source, session, view, screenshots, pauseMs }: {
    readonly obs: Obs;
    readonly source: string;
    readonly session: LiveSession;
    readonly view: string;
    readonly screenshots: number;
    /** Between two screenshots, in which OBS has the computer to itself. */
    readonly pauseMs: number;
  },
): Promise<number[]> {
  const delays: number[] = [];
  while (delays.length < screenshots) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const seen = await look(obs, source);
    if (seen?.code) {
      delays.push(ageMs(seen.code.frame, seen.atMs, session.segments.filter((told) => told.view === view)));
    }
  }
  return delays;
}

/** Since a frame was last due. @throws when it has not been within four seconds */
function ageMs(frame: number, atMs: number, segments: readonly PlayoutData[]): number {
  const tickMs = 1000 / 30;
  for (let age = 0; age < 120; age++) {
    const thenMs = atMs - age * tickMs;
    const segment = segments.findLast((segment) => segment.atMs <= thenMs);
    if (!segment) break;
    const ticks = Math.floor((thenMs - segment.atMs) / tickMs);
    if (frameOfRun(segment, ticks) === frame) return atMs - (segment.atMs + ticks * tickMs);
  }
  throw new Error(`Frame ${frame} was not due`);
}
