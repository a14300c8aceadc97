/**
 * Whether a long video stays as fast and as small in memory as a short one.
 * @module
 */
import { type Figure, type Measurement, median } from "../figure.ts";
import { startBenchServer } from "../server.ts";

export const longVideo: Figure = { name: "long-video", what: "the last sections of 60 s against the first", measure };

const mebibyte = 2 ** 20;
/** Sections 2 to 6 against 46 to 50: single ones differ by more than the aim on a busy machine. */
const around = 5;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer();
  const { id } = await server.start({ durationSeconds: "60", schedule: "forward" });
  const [seconds, memory]: [number[], { serverBytes: number; engineBytes: number }[]] = [[], []];
  for await (const { event, data } of server.events(id)) {
    if (event === "state" && data.state === "completed") break;
    if (event !== "progress" || data.timings.sections.length === seconds.length) continue;
    const { samplingSeconds, decodingSeconds } = data.timings.sections.at(-1)!;
    seconds.push(samplingSeconds + decodingSeconds);
    memory.push(await server.memory());
  }
  const [early, late] = [median(seconds.slice(1, 1 + around)), median(seconds.slice(-around))];
  yield {
    figure: "sections 46–50 of 60 s against sections 2–6: time",
    value: late / early,
    unit: "×",
    aim: { atMost: 1.03 },
    detail: { sections: seconds.length, second: seconds[1], last: seconds.at(-1), early, late },
  };
  for (const part of ["engineBytes", "serverBytes"] as const) {
    const [before, after] = [memory[1]![part], memory.at(-1)![part]];
    const largest = Math.max(...memory.map((sizes) => sizes[part]));
    yield {
      figure: `section 50 of 60 s against section 2: resident memory of the ${
        part === "engineBytes" ? "engine" : "server"
      }`,
      value: after / before,
      unit: "×",
      detail: { second: before / mebibyte, last: after / mebibyte, largest: largest / mebibyte, detailUnit: "MiB" },
    };
  }
}
