/**
 * The GPU benchmark's stages on the CPU and a tiny model: that they run through, and what their numbers are numbers of. How
 * fast anything is does not matter here.
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Measurement, MissingError } from "../bench/figure.ts";
import type { Bench } from "../bench/gpu/bench.ts";
import { parseSize, sizesInOrder } from "../bench/gpu/inputs.ts";
import { liveCost } from "../bench/gpu/live.ts";
import { precision } from "../bench/gpu/precision.ts";
import { inEachPrecision, precisions } from "../bench/gpu/precisions.ts";
import { firstSampling, readiness, weightFiles } from "../bench/gpu/ready.ts";
import { section } from "../bench/gpu/section.ts";
import { table, tableSizes } from "../bench/gpu/table.ts";
import { forgetFiles, type Forgetting } from "../bench/page_cache.ts";
import { ratiosOf, sampledInTurns } from "../bench/sampling_ways.ts";
import type { BenchServer } from "../bench/server.ts";
import { DeviceError } from "../src/engine/mod.ts";
import { caseRuntime } from "../src/engine/parity/transformer_cases.ts";
import type { SessionView } from "../src/session/mod.ts";
import { canSeeProcesses } from "./processes.ts";
import { writeTinyModel } from "./tiny_model.ts";

const cpu = { kind: "cpu" } as const;

/** `models/tiny` with every part, of a size and with colours for previews of its own. */
async function tinyModel(): Promise<{ readonly dir: string } & AsyncDisposable> {
  const home = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  const dir = join(home, "tiny");
  await writeTinyModel("tiny-a", dir);
  const manifest = {
    name: "tiny",
    resolution: { width: 32, height: 32 },
    "default_steps": 2,
    "latent_rgb": { factors: Array(16).fill([0.1, 0.1, 0.1]), bias: [0, 0, 0] },
  };
  await Deno.writeTextFile(join(dir, "framecast.json"), JSON.stringify(manifest));
  return { dir, [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }) };
}

function benchOf(folder: string, steps: number): Bench {
  return {
    runtime: caseRuntime(),
    libraryPath: undefined,
    device: cpu,
    folder,
    blocks: { dual: 1, single: 1 },
    size: parseSize("32x32"),
    sizes: [parseSize("32x32"), parseSize("48x32")],
    steps,
    rounds: 1,
    python: "python3",
    matrixRate: undefined,
  };
}

/** What a stage told until its end, and with what it ended. */
async function ended(stage: AsyncIterable<Measurement>) {
  const measurements: Measurement[] = [];
  try {
    for await (const measurement of stage) measurements.push(measurement);
  } catch (error) {
    return { measurements, error };
  }
  return { measurements, error: undefined };
}

const figures = (measurements: readonly Measurement[]) => measurements.map(({ figure }) => figure);

Deno.test("table: a rate for every size, precision and lever, of as many steps as were asked for", async () => {
  await using model = await tinyModel();
  const measurements = await Array.fromAsync(table(benchOf(model.dir, 3)));
  const each = (size: string, weights: string) => [
    `media seconds per second, ${size}, ${weights}`,
    `media seconds per second, ${size}, ${weights}, every second step reused`,
  ];
  assert.deepEqual(
    figures(measurements),
    Object.keys(precisions).flatMap((weights) => ["32 × 32", "48 × 32"].flatMap((size) => each(size, weights))),
  );
  for (const { figure, value, detail } of measurements) {
    const { seconds, steps, secondsPerStep, memoryGigabytes } = detail as Record<string, Record<string, number>>;
    const isReusing = figure.endsWith("reused");
    assert.deepEqual(steps, isReusing ? { computed: 2, reused: 1 } : { computed: 3, reused: 0 }, figure);
    assert.ok(seconds!.sampling! > 0 && seconds!.decoding! > 0 && secondsPerStep!.computed! > 0);
    assert.equal(secondsPerStep!.reused !== null, isReusing);
    assert.equal(value, 1.2 / (seconds!.sampling! + seconds!.decoding!));
    assert.deepEqual(memoryGigabytes, { sampling: 0, decoding: 0 }, "a CPU has no video memory");
  }
});

Deno.test("section: seconds per frame without and with TeaCache, and of both ways to decode", async () => {
  await using model = await tinyModel();
  const measurements = await Array.fromAsync(section(benchOf(model.dir, 2)));
  assert.deepEqual(figures(measurements), [
    "2 steps without TeaCache, per frame",
    "2 steps with TeaCache, per frame",
    "decoding 18 latent frames, tiled",
    "decoding 18 latent frames, whole",
  ]);
  assert.ok(measurements.every(({ value }) => value > 0));
  assert.equal(measurements[0]!.detail.computedSteps, 2);
});

Deno.test("precision: 8 and 4 bits are near 16 and not the same, and are packed once", async () => {
  await using model = await tinyModel();
  const measure = () => Array.fromAsync(precision(benchOf(model.dir, 1)));
  const measurements = await measure();
  assert.deepEqual(figures(measurements), [
    "forward pass, 16-bit weights: video memory",
    ...["8-bit", "4-bit"].flatMap((bits) => [
      `forward pass, ${bits} weights against 16-bit weights: relative distance of the velocity`,
      `forward pass, ${bits} weights against 16-bit weights: time`,
      `forward pass, ${bits} weights: video memory`,
    ]),
  ]);
  const [, distance, time, , distanceOf4] = measurements.map(({ value }) => value);
  assert.ok(0.001 < distance! && distance! < distanceOf4! && distanceOf4! < 0.3, `${distance}, ${distanceOf4}`);
  assert.ok(time! > 0);
  const folder = join(model.dir, "transformer-8-bit");
  assert.deepEqual((await readdir(folder)).sort(), ["config.json", "diffusion_pytorch_model.safetensors"]);
  const written = (await Deno.stat(join(folder, "config.json"))).mtime;
  assert.equal((await measure())[1]!.value, distance);
  assert.deepEqual((await Deno.stat(join(folder, "config.json"))).mtime, written);
});

Deno.test("inEachPrecision(): one that the card has no room for does not keep the others from being measured", async () => {
  await using model = await tinyModel();
  const fitting = { figure: "fits", value: 1, unit: "", detail: {} };
  async function* measure(name: string) {
    if (name === "16-bit weights") throw new DeviceError("out of memory", "Cannot take 26 GB");
    yield await Promise.resolve(fitting);
  }
  const { measurements, error } = await ended(inEachPrecision(model.dir, measure));
  assert.deepEqual(measurements, [fitting, fitting]);
  assert.equal(`${error}`, "MissingError: 16-bit weights: Cannot take 26 GB");
});

const [coldFigure, warmFigure, memoryFigure] = [
  "engine process to first sampling, with none of its files in main memory",
  "engine process to first sampling, with its files in main memory",
  "main memory of the engine that is no page of a file, until its first step",
];

Deno.test({
  name: "ready: cold and warm starts of an engine process, and what it takes beside its files",
  ignore: !canSeeProcesses,
  async fn() {
    await using model = await tinyModel();
    const start = () => firstSampling(model.dir, { device: cpu, threads: 1, idleThreads: "sleep" });
    const files = await weightFiles(model.dir);
    assert.equal(files.length, 8); // four of the transformer
    const { measurements, error } = await ended(readiness({ files, forget: forgetFiles, start }));
    // Not every disk has to be read again after its pages were dropped.
    if (error) assert.match(`${error}`, /^MissingError: no start without files in main memory: /);
    assert.deepEqual(figures(measurements), [...error ? [] : [coldFigure], warmFigure, memoryFigure]);
    for (const { value, detail } of measurements) {
      const { looks, beyondFilesBytes, residentBytes } = detail.counts as Record<string, number>;
      assert.ok(value > 0 && looks! > 0);
      assert.ok(beyondFilesBytes! > 50e6 && beyondFilesBytes! <= residentBytes!, `${beyondFilesBytes} bytes`);
    }
  },
});

Deno.test("readiness(): what is no cold start is not told as one", async () => {
  const files = [await Deno.makeTempFile()];
  await Deno.writeFile(files[0]!, new Uint8Array(1000));
  const told = async (readFromDiskBytes: number, forget: Forgetting) => {
    const counts = { beyondFilesBytes: 3e9, residentBytes: 4e9, readFromDiskBytes, looks: 9 };
    const sampling = { modelSeconds: 1, conditionsSeconds: 2, firstStepSeconds: 3, plan: null, counts };
    const { measurements, error } = await ended(readiness({ files, forget, start: () => Promise.resolve(sampling) }));
    return [measurements.map(({ figure, value }) => [figure, value]), error && `${error}`];
  };
  const [cold, warm, memory] = [[coldFigure, 3], [warmFigure, 3], [memoryFigure, 3]];
  const forgets = () => Promise.resolve("dd");
  const refuses = () => Promise.reject(new MissingError("dd cannot be started"));
  const skipped = "MissingError: no start without files in main memory: ";
  assert.deepEqual(await told(1000, forgets), [[cold, warm, memory], undefined]);
  assert.deepEqual(await told(1000, refuses), [[warm, memory], `${skipped}dd cannot be started`]);
  assert.deepEqual(await told(10, forgets), [
    [warm, memory],
    `${skipped}after dd only 10 of 1000 bytes came from the disk`,
  ]);
  await Deno.remove(files[0]!);
});

Deno.test("live: a server's sections with a viewer, without, and without previews", async () => {
  await using model = await tinyModel();
  const options = { rounds: 1, video: { durationSeconds: "7.2", steps: "6" }, joiningSections: 1 };
  const measurements = await Array.fromAsync(liveCost({ device: cpu, libraryPath: undefined }, model.dir, options));
  assert.deepEqual(figures(measurements), [
    "sampling slowed by a live picture with one viewer",
    "sampling slowed by previews that nobody watches",
  ]);
  for (const { value, unit, detail } of measurements) {
    const { ratios, secondsPerSection: { watched, alone, withoutPreviews } } = detail as {
      ratios: number[];
      secondsPerSection: Record<string, number[][]>;
    };
    assert.equal(unit, "%");
    assert.equal(value, (ratios[0]! - 1) * 100);
    assert.deepEqual([alone, withoutPreviews].map((rounds) => rounds![0]!.length), [5, 5]);
    assert.ok(watched![0]!.length >= 1 && watched![0]!.length <= 5);
    assert.ok([watched, alone, withoutPreviews].flat(2).every((seconds) => seconds! > 0));
  }
});

Deno.test("sampledInTurns(): another way begins in each round, and the first sections do not count", async () => {
  const started: string[] = [];
  const sections = [5, 3, 1].map((samplingSeconds) => ({ samplingSeconds, decodingSeconds: 1 }));
  const view = { id: "1", links: {}, timings: { sections } } as unknown as SessionView;
  const server = {
    start: ({ steps, schedule }: Readonly<Record<string, string>>) => {
      started.push(`${steps} ${schedule}`);
      return Promise.resolve(view);
    },
    view: () => Promise.resolve(view),
    ended: () => Promise.resolve(view),
    async *events() {},
  } as unknown as BenchServer;
  const ways = { a: { viewers: 0, settings: { steps: "1" } }, b: { viewers: 0, settings: { steps: "2" } } } as const;
  const rounds = await sampledInTurns(server, ways, { rounds: 2, video: { steps: "9" }, joiningSections: 1 });
  assert.deepEqual(started, ["1 forward", "2 forward", "2 forward", "1 forward"]);
  assert.deepEqual(rounds.map(({ a, b }) => [a.seconds, b.seconds]), [[[3, 1], [3, 1]], [[3, 1], [3, 1]]]);
  assert.deepEqual(ratiosOf(rounds, "a", "b"), [1, 1]);
  const late = sampledInTurns(server, ways, { rounds: 1, video: {}, joiningSections: 3 });
  await assert.rejects(late, { message: "The video has 3 sections, of which the first 3 do not count" });
});

Deno.test("sizes are read as WIDTHxHEIGHT and taken smallest first", () => {
  assert.deepEqual(parseSize("320x576"), { widthPx: 320, heightPx: 576 });
  for (const text of ["320", "320x570", "x", "32x32x32"]) {
    assert.throws(() => parseSize(text), {
      name: "RangeError",
      message: `Cannot use the size "${text}": it must be WIDTHxHEIGHT, multiples of 16`,
    });
  }
  assert.deepEqual(sizesInOrder(["608x640", "256x256"].map(parseSize)), ["256x256", "608x640"].map(parseSize));
  assert.equal(tableSizes.length, 5);
});
