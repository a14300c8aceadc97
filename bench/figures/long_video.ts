/**
 * Whether a long video stays as fast and as small in memory as a short one.
 * @module
 */
import { type Figure, type Measurement, median } from "../figure.ts";
import { startBenchServer } from "../server.ts";

export const longVideo: Figure = { name: "long-video", what: "the last sections of 60 s against the first", measure };

/** Sections 2 to 6 against 46 to 50: single ones differ by more than the aim on a busy machine. */
const around = 5;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer();
  // A first video of some length: memory that a process takes once and keeps is no growth.
  await server.ended((await server.start({ durationSeconds: "24", schedule: "forward" })).id);
  const { id } = await server.start({ durationSeconds: "60", schedule: "forward" });
  const seconds: number[] = [];
  const memory = new Map<number, Awaited<ReturnType<typeof server.memory>>>();
  for await (const { event, data } of server.events(id)) {
    if (event === "state" && data.state === "completed") break;
    if (event !== "progress" || data.timings.sections.length === seconds.length) continue;
    const { samplingSeconds, decodingSeconds } = data.timings.sections.at(-1)!;
    seconds.push(samplingSeconds + decodingSeconds);
    if (seconds.length === 2 || seconds.length % 10 === 0) memory.set(seconds.length, await server.memory());
  }
  const [early, late] = [median(seconds.slice(1, 1 + around)), median(seconds.slice(-around))];
  yield {
    figure: "sections 46–50 of 60 s against sections 2–6: time",
    value: late / early,
    unit: "×",
    aim: { atMost: 1.03 },
    detail: { sections: seconds.length, second: seconds[1], last: seconds.at(-1), early, late },
  };
  for (const part of ["engine", "server"] as const) {
    const mebibytes = Object.fromEntries([...memory].map(([section, sizes]) => [section, sizes[part].resident]));
    yield {
      figure: `section 50 of 60 s against section 2: resident memory of the ${part}`,
      value: mebibytes[50]! / mebibytes[2]!,
      unit: "×",
      aim: { atMost: 1.03 },
      detail: { mebibytesAfterSection: mebibytes },
    };
  }
}
