import assert from "node:assert/strict";
import { chooseDevice, deviceName } from "./device_choice.ts";
import { DeviceError } from "./errors.ts";
import type { Device } from "./onnx/runtime.ts";

/** A machine whose GPUs are those of these numbers. */
const machine = (...gpus: readonly number[]) => ({
  whyNot: (device: Device) =>
    device.kind === "cpu" || gpus.includes(device.index)
      ? undefined
      : new DeviceError("missing", `Cannot use CUDA device ${device.index}: libcublasLt.so.13 is not there`),
});

Deno.test("chooseDevice() takes the first GPU that there is, else the CPU, unless one is named", () => {
  assert.deepEqual(chooseDevice({ kind: "auto" }, machine(0, 1)), { kind: "cuda", index: 0 });
  assert.deepEqual(chooseDevice({ kind: "auto" }, machine()), { kind: "cpu" });
  assert.deepEqual(chooseDevice({ kind: "cpu" }, machine(0)), { kind: "cpu" });
  assert.deepEqual(chooseDevice({ kind: "cuda", index: 1 }, machine(0, 1)), { kind: "cuda", index: 1 });
  assert.throws(() => chooseDevice({ kind: "cuda", index: 1 }, machine(0)), {
    name: "DeviceError",
    message: "Cannot use CUDA device 1: libcublasLt.so.13 is not there",
  });
});

Deno.test("deviceName() promises no GPU that cannot be there", () => {
  const names = ([{ kind: "cpu" }, { kind: "auto" }, { kind: "cuda", index: 1 }] as const)
    .map((choice) => [deviceName(choice, false), deviceName(choice, true)]);
  assert.deepEqual(names, [["CPU", "CPU"], ["CPU", "GPU 0, else CPU"], ["GPU 1", "GPU 1"]]);
});
