import assert from "node:assert/strict";
import type { Gpu, GpuSearch } from "../nvidia_smi.ts";
import { driverFindings, gpuFindings, gpusUsed, type NamedDevice } from "./gpus.ts";

const gpu: Gpu = {
  index: 0,
  name: "NVIDIA GeForce RTX 3060",
  driverVersion: "580.95.05",
  computeCapability: [8, 6],
  memory: { totalBytes: 12e9, freeBytes: 11e9 },
};
const found = (...gpus: readonly Partial<Gpu>[]) =>
  ({ kind: "found", gpus: gpus.map((other) => ({ ...gpu, ...other })) }) as const;
const auto: readonly NamedDevice[] = [{ kind: "auto" }];
const cuda = (...indexes: readonly number[]): NamedDevice[] => indexes.map((index) => ({ kind: "cuda", index }));
const shown = (search: GpuSearch, cudaMajor: number | null, devices = auto) =>
  [...gpuFindings(search, devices), ...driverFindings(search, cudaMajor)]
    .map(({ level, subject, says }) => `${level} ${subject}: ${says}`);

Deno.test("gpuFindings() tells each GPU with its memory, and whether the driver is new enough for the provider", () => {
  const two = found({}, { index: 1, name: "NVIDIA GeForce RTX 4090", computeCapability: [8, 9] });
  assert.deepEqual(shown(two, 13, cuda(0, 1)), [
    "ok GPU 0: NVIDIA GeForce RTX 3060, 11.0 GB of 12.0 GB free",
    "ok GPU 1: NVIDIA GeForce RTX 4090, 11.0 GB of 12.0 GB free, computes in 8 bits",
    "ok driver: 580.95.05, CUDA 13 needs 580",
  ]);
  assert.deepEqual(
    shown(found({ driverVersion: "575.57.08" }), 13).at(-1),
    "missing driver: 575.57.08 is too old: CUDA 13 needs 580",
  );
  assert.deepEqual(shown(found({ driverVersion: "575.57.08" }), 12).at(-1), "ok driver: 575.57.08, CUDA 12 needs 525");
  assert.match(shown(found({}), null).at(-1)!, /^note driver: 580.95.05; which it must be/);
});

Deno.test("gpuFindings() refuses a GPU without bfloat16", () => {
  assert.deepEqual(
    shown(found({ name: "Tesla T4", computeCapability: [7, 5] }), 13)[0],
    "missing GPU 0: Tesla T4 has no bfloat16 (compute capability 7.5, FramePack needs 8.0)",
  );
  assert.match(
    shown(found({ computeCapability: [12, 1], memory: null }), 13)[0]!,
    /^ok GPU 0: .* shared with the processor/,
  );
});

Deno.test("gpuFindings() says why there is none", () => {
  const why = 'there is no program "nvidia-smi"';
  assert.deepEqual(shown({ kind: "absent", why }, 13), [`missing GPU: ${why}`]);
  const [failed] = driverFindings({ kind: "failed", why: "Driver/library version mismatch" }, 13);
  assert.match(failed!.command!, /driver 580 or newer/);
});

Deno.test("gpuFindings() says how all GPUs are used where only one would be", () => {
  const old = { index: 2, computeCapability: [7, 5] } as const;
  const three = found({}, { index: 1 }, old);
  for (const devices of [auto, cuda(0), cuda(1)]) {
    const { says, command } = gpuFindings(three, devices).at(-1)!;
    assert.deepEqual([says, command], ["1 of 2 would be used", "FRAMECAST_DEVICE=cuda:0,cuda:1"]);
  }
  for (const devices of [cuda(0, 1), [{ kind: "cpu" }] as const]) {
    assert.doesNotMatch(shown(three, 13, devices).join(), /note GPUs/);
  }
  assert.doesNotMatch(shown(found({}, old), 13).join(), /note GPUs/);
});

Deno.test("gpuFindings() misses a GPU that is named and not there or too old, and nothing of one that is not named", () => {
  const old = { index: 1, computeCapability: [7, 5] } as const;
  const levels = (devices: readonly NamedDevice[]) =>
    gpuFindings(found({}, old), devices).map(({ level, subject }) => `${level} ${subject}`);
  assert.deepEqual(levels(cuda(0)), ["ok GPU 0", "note GPU 1"]);
  assert.deepEqual(levels(cuda(0, 1, 3)), ["ok GPU 0", "missing GPU 1", "missing GPU 3"]);
  assert.deepEqual(gpusUsed(found({}, old), cuda(3, 1, 0)).map(({ index }) => index), [1, 0]);
});
