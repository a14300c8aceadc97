/**
 * What a viewer costs the sampling: playout, encoder process and packets run on the same processors as the engine.
 * @module
 */
import { threads } from "../embedded_model.ts";
import { type BenchOptions, type Figure, type Measurement, timingOf } from "../figure.ts";
import { sampledInTurns } from "../sampling_ways.ts";
import { startBenchServer } from "../server.ts";

export const streamingCost: Figure = { name: "streaming-cost", what: "sampling slowed by one viewer", measure };

async function* measure({ rounds }: BenchOptions): AsyncGenerator<Measurement> {
  await using server = await startBenchServer();
  const videos = await sampledInTurns(server, { alone: { viewers: 0 }, watched: { viewers: 1 } }, {
    rounds,
    video: { durationSeconds: "36" },
    joiningSections: 12,
  });
  const timing = (way: "alone" | "watched") => timingOf(videos.flatMap((round) => round[way].seconds));
  const [watched, alone] = [timing("watched"), timing("alone")];
  yield {
    figure: "sampling of a section slowed by streaming to one viewer (who does not decode here)",
    value: (watched.median / alone.median - 1) * 100,
    unit: "%",
    aim: { atMost: 5 },
    detail: {
      ...{ threads, sections: videos.flatMap((round) => round.alone.seconds).length },
      seconds: { watched, alone },
    },
  };
}
