/**
 * The engine on a GPU whose memory is the fake CUDA runtime's: what it takes is what was planned, and what does not fit is
 * refused before anything is taken.
 */
import assert from "node:assert/strict";
import { DeviceError, type Engine, type GenerationEvent } from "../src/engine/mod.ts";
import { createFramePackEngine, type FramePackEngineOptions } from "../src/engine/framepack_engine.ts";
import type { CompileOptions } from "../src/engine/onnx/runtime.ts";
import { blocksOf, modulationLayersOf } from "../src/engine/streaming/known_blocks.ts";
import { transformerSource } from "../src/engine/transformer.ts";
import { emojiDir } from "./emoji.ts";
import { compileFakeCudart } from "./fake_cudart.ts";
import { type PretendedCard, pretendedCard } from "./pretended_card.ts";
import { startServer } from "./server_fixture.ts";

const cudart = await compileFakeCudart();
Deno.test.afterAll(async () => await cudart?.[Symbol.asyncDispose]());
const signal = new AbortController().signal;

/** Of the embedded model's two dual and four single blocks, as they lie in memory. */
const source = { ...await transformerSource(`${emojiDir}/transformer`), computeDType: "bfloat16" } as const;
const sizesOf = (kind: string) =>
  blocksOf(source).filter((block) => block.kind === kind).map((b) => b.layout.sizeBytes);
const [dualBytes, singleBytes] = [sizesOf("dual")[0]!, sizesOf("single")[0]!];
const modulationBytes = Math.max(...modulationLayersOf(source).map(({ layout }) => layout.sizeBytes));

interface Trial extends AsyncDisposable {
  readonly engine: Engine;
  readonly card: PretendedCard;
  readonly taken: () => number;
}

function trial(
  totalBytes: number,
  freeBytes: number,
  vram: FramePackEngineOptions["vram"] = {},
  refuse: (options: CompileOptions) => Error | undefined = () => undefined,
): Trial {
  cudart!.fake.fakeCard(BigInt(totalBytes), BigInt(totalBytes - freeBytes));
  const card = pretendedCard(cudart!.file, refuse);
  const engine = createFramePackEngine({ device: { kind: "auto" }, vram }, () => card.runtime);
  return {
    ...{ engine, card },
    taken: () => Number(cudart!.fake.fakeTaken()),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      assert.deepEqual([cudart!.fake.fakeTaken(), cudart!.fake.fakeLocked(), card.held()], [0n, 0n, 0]);
    },
  };
}

const withCompiler = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name} (with a C compiler)`, ignore: !cudart, fn });

async function deviceEvent(engine: Engine): Promise<Extract<GenerationEvent, { kind: "device" }>> {
  const events = await Array.fromAsync(engine.warm(emojiDir, signal));
  const told = events.filter((event) => event.kind === "device");
  assert.equal(told.length, 1);
  return told[0]!;
}

withCompiler("the blocks are placed as planned, byte by byte, and all of it is given back", async () => {
  const cases = [
    {
      sizeBytes: 6e9,
      freeBytes: 844e6,
      dual: 0,
      single: 0,
      slotBytes: dualBytes,
      words: /^0 dual and 0 single blocks/,
    },
    { sizeBytes: 8e9, freeBytes: 852e6, dual: 2, single: 2, slotBytes: modulationBytes, words: /^2 dual and 2 single/ },
    { sizeBytes: 24e9, freeBytes: 23e9, dual: 2, single: 4, slotBytes: modulationBytes, words: /^all 6 blocks stay/ },
  ];
  assert.ok(singleBytes < dualBytes && modulationBytes < dualBytes);
  for (const { sizeBytes, freeBytes, dual, single, slotBytes, words } of cases) {
    await using on = trial(sizeBytes, freeBytes);
    const { device, memory } = await deviceEvent(on.engine);
    assert.equal(device, "GPU 0");
    assert.match(memory![1]!, words);
    assert.equal(on.taken(), dual * dualBytes + single * singleBytes + 2 * slotBytes);
  }
});

withCompiler("the arena is taken at once in the planned size, and weights that leave are in it", async () => {
  await using on = trial(6e9, 844e6);
  await deviceEvent(on.engine);
  // Embedders of pictures, and the modulation vectors of five of six steps.
  const staysBytes = 1_229_952 + 5 * 2 * 128 * (2 * 12 + 4 * 3);
  const devices = new Set(on.card.compiled.map(({ device }) => JSON.stringify(device)));
  const expected = { kind: "cuda", index: 0, memoryLimitBytes: 31_219_763 + staysBytes, arenaBytes: 31_219_763 };
  assert.deepEqual([...devices].map((device) => JSON.parse(device)), [expected]);
  const stays = Object.groupBy(on.card.compiled, ({ stay }) => stay!);
  // CLIP, SigLIP, projection of the picture and token refiner leave again. Graphs whose weights are inputs have none to leave.
  assert.equal(stays["while used"]!.length, 4);
  assert.equal(on.card.held(), stays["always"]!.length);
});

withCompiler(
  "a section is decoded beside the next one where there is room for both, and else between them",
  async () => {
    const cases = [[23e9, /while the next section is sampled$/], [844e6, /between the sections, its weights/]] as const;
    for (const [freeBytes, words] of cases) {
      await using on = trial(24e9, freeBytes);
      const { memory } = await deviceEvent(on.engine);
      assert.match(memory!.find((line) => line.startsWith("the decoder"))!, words);
    }
  },
);

withCompiler("a wish is followed: blocks to be streamed, a limit, memory for others", async () => {
  {
    await using on = trial(24e9, 23e9, { streamedBlocks: 3 });
    assert.match((await deviceEvent(on.engine)).memory![1]!, /^2 dual and 1 single blocks stay/);
  }
  for (const wish of [{ limitBytes: 570e6 }, { reserveBytes: 22.5e9 }]) {
    await using on = trial(24e9, 23e9, wish);
    await assert.rejects(deviceEvent(on.engine), { name: "MemoryShortageError" });
    assert.equal(on.card.compiled.length, 0, "before anything is compiled or taken");
    assert.equal(on.taken(), 0);
  }
});

withCompiler(
  "a video too large for the card is a problem with its numbers, and the model stays for the others",
  async () => {
    await using on = trial(6e9, 900e6);
    await using server = await startServer({ engine: on.engine });
    const view = await server.ended((await server.start({ resolution: "2048x2048", durationSeconds: "1" })).id);
    assert.equal(view.state, "failed");
    const { type, status, detail, field, ...numbers } = view.problem!;
    assert.deepEqual([type, status, field], ["/api/docs#problem-gpu-too-small", 422, "resolution"]);
    assert.match(detail, /^2048 × 2048 in bfloat16 needs [\d.]+ GB of VRAM for .*Nothing was finished yet\.$/);
    const { neededBytes, limitBytes, missingBytes, fittingSize } = numbers as unknown as Record<string, number> & {
      fittingSize: { widthPx: number; heightPx: number };
    };
    assert.equal(limitBytes, 900e6 - 256 * 2 ** 20);
    assert.equal(missingBytes, neededBytes! - limitBytes);
    assert.ok(fittingSize.widthPx < 2048 && detail.includes(`${fittingSize.widthPx} × ${fittingSize.heightPx} fits`));
    assert.ok(on.card.held() > 0, "the model of the usual size is still there");
    assert.equal(on.card.arenasReleased(), 0);
    const health = await (await server.request("/api/health")).json();
    assert.equal(health.engine.device, "GPU 0");
  },
);

withCompiler(
  "another size that needs another plan is planned for with what is free then, and shown in the view",
  async () => {
    await using on = trial(24e9, 23e9);
    await using server = await startServer({ engine: on.engine });
    await server.ended((await server.start({ resolution: "96x96", durationSeconds: "1" })).id);
    assert.equal(on.card.arenasReleased(), 0, "the usual size: the plan of the start holds");
    const { memory } = await server.ended((await server.start({ resolution: "512x512", durationSeconds: "1" })).id);
    assert.equal(on.card.arenasReleased(), 1);
    assert.match(
      memory![0]!,
      /^[\d.]+ of 22\.73 GB at most \(calculated, with 15 % to spare for what comes and goes\)/,
    );
    const arenas = new Set(on.card.compiled.map(({ device }) => device.kind === "cuda" ? device.arenaBytes! : 0));
    assert.equal(arenas.size, 2);
  },
);

const marginsTold = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) => event.kind === "device" ? [/with (\d+) %/.exec(event.memory![0]!)![1]] : []);

/** A card on which every graph needs a larger arena than so many bytes. */
const needing = (bytes: number) => ({ device }: CompileOptions) =>
  device.kind === "cuda" && device.arenaBytes! <= bytes
    ? new DeviceError("out of memory", "The GPU's memory is full (Failed to allocate memory for requested buffer)")
    : undefined;

/** Of what was compiled last. */
function arenaBytesOf({ compiled }: PretendedCard): number {
  const { device } = compiled.at(-1)!;
  return device.kind === "cuda" ? device.arenaBytes! : 0;
}

async function usualArenaBytes(): Promise<number> {
  await using on = trial(24e9, 23e9);
  await deviceEvent(on.engine);
  return arenaBytesOf(on.card);
}

withCompiler("a plan that was too small is made again with more to spare, and that is remembered", async () => {
  const usualBytes = await usualArenaBytes();
  await using on = trial(24e9, 23e9, {}, needing(usualBytes));
  const first = await Array.fromAsync(on.engine.warm(emojiDir, signal));
  assert.deepEqual(marginsTold(first), ["15", "50"]);
  assert.ok(arenaBytesOf(on.card) > 1.2 * usualBytes);
  const again = await Array.fromAsync(on.engine.warm(emojiDir, signal));
  assert.deepEqual(marginsTold(again), ["50"]);
});

withCompiler("a card that no plan is enough for is told of, with nothing left on it", async () => {
  await using on = trial(24e9, 23e9, {}, needing(23e9));
  const events: GenerationEvent[] = [];
  const failing = (async () => {
    for await (const event of on.engine.warm(emojiDir, signal)) events.push(event);
  })();
  await assert.rejects(failing, { name: "DeviceError", fault: "out of memory" });
  assert.deepEqual(marginsTold(events), ["15", "50", "100"]);
  assert.deepEqual([on.taken(), on.card.held(), on.card.arenasReleased()], [0, 0, 3]);
});
