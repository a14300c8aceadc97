import assert from "node:assert/strict";
import type { DeviceMemory, DeviceMemoryPort, StagingMemory } from "../onnx/device_memory.ts";
import type { Handle } from "../onnx/ort_api.ts";
import type { StreamedBlock } from "./weight_reader.ts";
import { WeightStream } from "./weight_stream.ts";

const block = (path: string): StreamedBlock => ({ path, layout: { sizeBytes: 4, tensors: [] } });
const [a, b, c, d] = ["a", "b", "c", "d"].map(block) as [StreamedBlock, StreamedBlock, StreamedBlock, StreamedBlock];
const letters: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3, d: 4 };
const signal = new AbortController().signal;

interface Piece extends DeviceMemory, StagingMemory {
  readonly name: string;
}

/**
 * A device that writes down what it is told, copies only when it is let, and throws when something is touched that a copy
 * still uses.
 */
class RecordingDevice implements DeviceMemoryPort {
  readonly log: string[] = [];
  readonly #waiting: { readonly what: string; readonly finish: () => void }[] = [];
  readonly #busy = new Set<Piece>();
  #pieces = 0;
  #living = 0;

  allocate(sizeBytes: number): Piece {
    return this.#piece(`slot${this.#pieces++ >> 1}`, sizeBytes);
  }

  stage(sizeBytes: number): Piece {
    return this.#piece(`staging${this.#pieces++ >> 1}`, sizeBytes);
  }

  upload(from: StagingMemory, to: DeviceMemory, sizeBytes: number): Promise<void> {
    const [source, target] = [from as Piece, to as Piece];
    assert.ok(!this.#busy.has(source) && !this.#busy.has(target), `${source.name} or ${target.name} is in use`);
    const what = `${source.name} → ${target.name}`;
    this.log.push(`copy ${what} begins`);
    this.#busy.add(source).add(target);
    const { promise, resolve } = Promise.withResolvers<void>();
    const finish = () => {
      target.bytes.set(source.bytes.subarray(0, sizeBytes));
      this.#busy.delete(source);
      this.#busy.delete(target);
      this.log.push(`copy ${what} ends`);
      resolve();
    };
    this.#waiting.push({ what, finish });
    return promise;
  }

  /** Ends the copies under way. */
  finishCopies(): void {
    for (const { finish } of this.#waiting.splice(0)) finish();
  }

  read(block: StreamedBlock, into: Uint8Array): Promise<void> {
    const staging = [...this.#staging].find(({ bytes }) => bytes === into)!;
    assert.ok(!this.#busy.has(staging), `${staging.name} is still being copied`);
    this.log.push(`read ${block.path} → ${staging.name}`);
    into.fill(letters[block.path]!);
    return Promise.resolve();
  }

  get copiesUnderWay(): number {
    return this.#waiting.length;
  }

  get living(): number {
    return this.#living;
  }

  [Symbol.dispose](): void {}

  readonly #staging = new Set<Piece>();

  #piece(name: string, sizeBytes: number): Piece {
    this.#living++;
    const piece: Piece = {
      name,
      sizeBytes,
      bytes: new Uint8Array(sizeBytes),
      address: {} as Handle,
      [Symbol.dispose]: () => void this.#living--,
    };
    if (name.startsWith("staging")) this.#staging.add(piece);
    return piece;
  }
}

const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

function streamOn(device: RecordingDevice): WeightStream<StreamedBlock> {
  const read = (each: StreamedBlock, into: Uint8Array<ArrayBuffer>) => device.read(each, into);
  return new WeightStream({ memory: device, slotBytes: 4, stagingBytes: 4, read });
}

/** Computes: says so, and checks that the weights are the block's as long as it takes. */
function computeOn(device: RecordingDevice) {
  return async (each: StreamedBlock, weights: DeviceMemory) => {
    const { name, bytes } = weights as Piece;
    const isOwn = () => bytes.every((byte) => byte === letters[each.path]);
    device.log.push(`compute ${each.path} on ${name} begins`);
    assert.ok(isOwn(), `${each.path} computes on other weights`);
    await turns();
    device.finishCopies(); // as those of a GPU end whenever they like
    await turns();
    assert.ok(isOwn(), `${each.path} is overwritten while it computes`);
    device.log.push(`compute ${each.path} ends`);
  };
}

Deno.test("WeightStream runs the copy of a block under the compute of the one before, in exactly this order", async () => {
  const device = new RecordingDevice();
  await using stream = streamOn(device);
  const pass = stream.pass({ blocks: [a, b, c], next: [], compute: computeOn(device) }, signal);
  await turns();
  device.finishCopies();
  await pass;
  assert.deepEqual(device.log, [
    "read a → staging0",
    "read b → staging1",
    "copy staging0 → slot0 begins",
    "copy staging1 → slot1 begins",
    "copy staging0 → slot0 ends",
    "copy staging1 → slot1 ends",
    "compute a on slot0 begins",
    "read c → staging0",
    "compute a ends",
    "copy staging0 → slot0 begins",
    "compute b on slot1 begins",
    "copy staging0 → slot0 ends",
    "compute b ends",
    "compute c on slot0 begins",
    "compute c ends",
  ]);
});

Deno.test("WeightStream computes every block on its own weights, pass after pass, some of them resident", async () => {
  for (const residents of [[], [b], [a, c], [a, b, c, d]]) {
    const device = new RecordingDevice();
    const copying = setInterval(() => device.finishCopies(), 0);
    try {
      await using stream = streamOn(device);
      await stream.keep(residents, signal);
      await stream.keep(residents, signal);
      const order = [a, b, c, d];
      for (let pass = 0; pass < 3; pass++) {
        await stream.pass({ blocks: order, next: order, compute: computeOn(device) }, signal);
      }
      const reads = device.log.filter((line) => line.startsWith("read"));
      for (const each of residents) {
        assert.equal(
          reads.filter((line) => line.startsWith(`read ${each.path} `)).length,
          1,
          "read once for all passes",
        );
      }
    } finally {
      clearInterval(copying);
    }
    assert.equal(device.living, 0, "all memory is given back");
  }
});

Deno.test("WeightStream waits for its copies when a pass fails or is stopped, and the next pass begins anew", async () => {
  const device = new RecordingDevice();
  const copying = setInterval(() => device.finishCopies(), 0);
  try {
    await using stream = streamOn(device);
    const order = [a, b, c, d];
    const broken = { blocks: order, next: order, compute: () => Promise.reject(new Error("device lost")) };
    await assert.rejects(stream.pass(broken, signal), { message: "device lost" });
    assert.equal(device.copiesUnderWay, 0);
    const stop = new AbortController();
    const stopping = {
      blocks: order,
      next: order,
      compute: (each: StreamedBlock) => Promise.resolve(each === b ? stop.abort(new Error("enough")) : undefined),
    };
    await assert.rejects(stream.pass(stopping, stop.signal), { message: "enough" });
    assert.equal(device.copiesUnderWay, 0);
    device.log.length = 0;
    await stream.pass({ blocks: order, next: [], compute: computeOn(device) }, signal);
    assert.deepEqual(device.log.slice(0, 2), ["read a → staging0", "read b → staging1"]);
  } finally {
    clearInterval(copying);
  }
});

Deno.test("WeightStream tells what a block could not be read for, when the block is due", async () => {
  const device = new RecordingDevice();
  const copying = setInterval(() => device.finishCopies(), 0);
  try {
    const computed: string[] = [];
    const read = (each: StreamedBlock, into: Uint8Array<ArrayBuffer>) =>
      each === c ? Promise.reject(new Error("c has gone")) : device.read(each, into);
    await using stream = new WeightStream({ memory: device, slotBytes: 4, stagingBytes: 4, read });
    const compute = (each: StreamedBlock) => Promise.resolve(void computed.push(each.path));
    await assert.rejects(stream.pass({ blocks: [a, b, c], next: [], compute }, signal), { message: "c has gone" });
    assert.deepEqual(computed, ["a", "b"]);
    await assert.rejects(stream.keep([b, c], signal), { message: "c has gone" });
  } finally {
    clearInterval(copying);
  }
  assert.equal(device.living, 0);
});
