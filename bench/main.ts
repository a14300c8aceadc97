/**
 * The figures of the README, measured here: one table row and one JSON line each.
 *
 *     deno task bench [--rounds 9] [--minutes 10] [NAME …]
 *
 * `FRAMECAST_BENCH_PYTHON` names a Python with `bench/reference/requirements.txt`; what compares with the published code
 * is skipped by name without one. `FRAMECAST_BENCH_NODE_DATACHANNEL` names a folder with an installed `node-datachannel`,
 * to be compared with.
 * @module
 */
import { parseArgs } from "node:util";
import { type Figure, MissingError } from "./figure.ts";
import { fanOut } from "./figures/fan_out.ts";
import { firstPicture } from "./figures/first_picture.ts";
import { idle } from "./figures/idle.ts";
import { joinTime } from "./figures/join_time.ts";
import { largeModel } from "./figures/large_model.ts";
import { liveRate } from "./figures/live_rate.ts";
import { liveTsJoin } from "./figures/live_ts_join.ts";
import { longVideo } from "./figures/long_video.ts";
import { loss } from "./figures/loss.ts";
import { matrixShare } from "./figures/matrix_share.ts";
import { obsDelay } from "./figures/obs_delay.ts";
import { previewCost } from "./figures/preview_cost.ts";
import { screenDelay } from "./figures/screen_delay.ts";
import { sectionAgainstReference } from "./figures/section.ts";
import { soak } from "./figures/soak.ts";
import { streamingCost } from "./figures/streaming_cost.ts";
import { viewCost } from "./figures/view_cost.ts";
import { weightError } from "./figures/weight_error.ts";
import { print, show } from "./show.ts";

const figures: readonly Figure[] = [
  sectionAgainstReference,
  matrixShare,
  liveRate,
  longVideo,
  firstPicture,
  joinTime,
  screenDelay,
  liveTsJoin,
  obsDelay,
  loss,
  streamingCost,
  idle,
  viewCost,
  fanOut,
  soak,
  previewCost,
  largeModel,
  weightError,
];

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { rounds: { type: "string", default: "9" }, minutes: { type: "string" } },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => !figures.some((figure) => figure.name === name));
  if (unknown !== undefined) {
    print(
      `There is no figure "${unknown}". There are:\n${
        figures.map(({ name, what }) => `  ${name}: ${what}`).join("\n")
      }`,
    );
    return 2;
  }
  const options = {
    rounds: Number(values.rounds),
    python: Deno.env.get("FRAMECAST_BENCH_PYTHON") || "python3",
    minutes: values.minutes === undefined ? undefined : Number(values.minutes),
  };
  print("| figure | measured | aim | |\n|---|---|---|---|");
  for (const figure of figures) {
    if (positionals.length > 0 && !positionals.includes(figure.name)) continue;
    try {
      for await (const measurement of figure.measure(options)) show(measurement);
    } catch (error) {
      if (!(error instanceof MissingError)) throw error;
      print(`| ${figure.what} | skipped | | ${error.message} |`);
    }
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
