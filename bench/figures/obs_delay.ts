/**
 * How old the picture is that OBS shows of `live.ts`: from the tick at which a frame goes to the encoder to a screenshot of
 * OBS that shows it, the time of the screenshot included. The server runs in this process, so that the tick can be seen.
 * @module
 */
import { startLiveServer } from "../../tests/live_server.ts";
import { hasObs, startObs } from "../../tests/obs.ts";
import { look, obsDelays, youngestPicture } from "../../tests/obs_delay.ts";
import { type Figure, type Measurement, median, MissingError, percentile } from "../figure.ts";

export const obsDelay: Figure = { name: "obs-delay", what: "live.ts → picture in OBS", measure };

/** A Media Source keeps the delay it began with, so several are measured. */
const sources = ["first", "second", "third"] as const;

async function* measure(): AsyncGenerator<Measurement> {
  if (!hasObs) throw new MissingError("OBS or Xvfb is not installed");
  await using live = await startLiveServer();
  const session = await live.sessionWith(2, { resolution: "480x320" });
  const view = "arrival";
  const delays: number[] = [];
  const firstPictureMs: number[] = [];
  for (const source of sources) {
    await using obs = await startObs();
    const startedMs = performance.now();
    await obs.addMediaSource(source, { ...youngestPicture, input: `${live.url}${session.links.liveTs}?view=${view}` });
    let seen = await look(obs, source);
    while (!seen?.code) seen = await look(obs, source);
    firstPictureMs.push(seen.atMs - startedMs);
    delays.push(...await obsDelays({ obs, source, session, view, screenshots: 150, pauseMs: 70 }));
  }
  yield {
    figure: "live.ts → picture in OBS, p95",
    value: percentile(delays, 0.95),
    unit: "ms",
    aim: { atMost: 250 },
    detail: {
      medianMs: median(delays),
      mostMs: Math.max(...delays),
      screenshots: delays.length,
      firstPictureMs,
      settings: { ...youngestPicture },
    },
  };
}
