import assert from "node:assert/strict";
import { Graph, type Value } from "./graph.ts";
import { Module } from "./module.ts";
import { add, matmul } from "./operators.ts";
import { openRuntime, packagedLibraryPath, type Runtime } from "./runtime.ts";
import { openCheckpoint, writeSafetensors } from "./safetensors.ts";
import { bfloat16OfFloat32, float32Tensor, type Tensor } from "./tensor.ts";

const noCheckpoint = { get: () => assert.fail(), has: () => false, names: () => [], readFloat32: () => assert.fail() };

function model(build: (m: Module) => void): Uint8Array<ArrayBuffer> {
  const graph = new Graph("test");
  build(new Module(graph, { ...noCheckpoint, metadata: {} }));
  return graph.build();
}

const onCpu = { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep" } as const;

/** y = x + x, x [rows, 2] */
const doubling = model((m) => {
  const x = m.graph.input("x", ["rows", 2]);
  m.graph.output("y", add(m, x, x));
});

/** A chain of products of square matrices; every one of them takes some milliseconds. */
function chain(size: number, products: number): Uint8Array<ArrayBuffer> {
  return model((m) => {
    let x: Value = m.graph.input("x", [size, size]);
    for (let i = 0; i < products; i++) x = matmul(m, x, x);
    m.graph.output("y", x);
  });
}

const zeros = (size: number) => float32Tensor([size, size], new Float32Array(size * size));

Deno.test("Executable.run() computes with sizes known only at run time, none included", async () => {
  using runtime = openRuntime();
  using executable = await runtime.compile(doubling, onCpu);
  assert.deepEqual(executable.inputs, [{ name: "x", dtype: "float32", shape: ["rows", 2] }]);
  assert.deepEqual(executable.outputs, [{ name: "y", dtype: "float32", shape: ["rows", 2] }]);
  const { y } = await executable.run({ x: float32Tensor([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6)) });
  assert.deepEqual(y, float32Tensor([3, 2], Float32Array.of(2, 4, 6, 8, 10, 12)));
  const none = await executable.run({ x: float32Tensor([0, 2], new Float32Array(0)) });
  assert.deepEqual(none["y"], float32Tensor([0, 2], new Float32Array(0)));
});

Deno.test("Executable.run() reads a view into a larger buffer, shared memory included", async () => {
  using runtime = openRuntime();
  using executable = await runtime.compile(doubling, onCpu);
  const shared = new Float32Array(new SharedArrayBuffer(16));
  shared.set([9, 1, 2, 9]);
  const { y } = await executable.run({ x: float32Tensor([1, 2], shared.subarray(1, 3)) });
  assert.deepEqual(y!.data, Float32Array.of(2, 4));
});

Deno.test("Executable.run() takes and gives every dtype unchanged", async () => {
  using runtime = openRuntime();
  const tensors: Tensor[] = [
    { dtype: "float16", shape: [2], data: Uint16Array.of(0x3e00, 0x7bff) },
    { dtype: "bfloat16", shape: [2], data: bfloat16OfFloat32(Float32Array.of(1.5, -3)) },
    { dtype: "int32", shape: [2], data: Int32Array.of(-1, 2 ** 30) },
    { dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
    { dtype: "bool", shape: [2], data: Uint8Array.of(0, 1) },
    { dtype: "uint8", shape: [2], data: Uint8Array.of(0, 255) },
  ];
  const mirror = model((m) => {
    for (const { dtype } of tensors) {
      const x = m.graph.input(dtype, [2], dtype);
      m.graph.output(`${dtype} again`, m.op("Reshape", [x, m.integers(2, 1)], [2, 1]));
    }
  });
  using executable = await runtime.compile(mirror, onCpu);
  const outputs = await executable.run(Object.fromEntries(tensors.map((tensor) => [tensor.dtype, tensor])));
  for (const tensor of tensors) assert.deepEqual(outputs[`${tensor.dtype} again`], { ...tensor, shape: [2, 1] });
});

Deno.test("Executable.run() lists everything that is wrong with its inputs at once", async () => {
  using runtime = openRuntime();
  using executable = await runtime.compile(doubling, onCpu);
  const wrong = { x: { dtype: "int32", shape: [2, 3], data: new Int32Array(5) }, z: zeros(1) } as const;
  await assert.rejects(executable.run(wrong), {
    name: "InferenceError",
    message: 'Cannot run: "z" is unknown, "x" is int32, expected float32, "x" is [2,3], expected [rows,2], ' +
      '"x" has 5 elements, expected 6 (inputs: "x" int32 [2,3], "z" float32 [1,1]; expected: "x" float32 [rows,2])',
  });
  await assert.rejects(executable.run({}), { name: "InferenceError", message: /"x" is missing/ });
});

Deno.test("Executable.run() tells what ONNX Runtime found, with the inputs", async () => {
  using runtime = openRuntime({ logSeverity: "fatal" });
  const sum = model((m) => {
    const [a, b] = ["a", "b"].map((name) => m.graph.input(name, [name]));
    m.graph.output("y", m.op("Add", [a!, b!], ["a"]));
  });
  using executable = await runtime.compile(sum, { ...onCpu });
  const [two, three] = [2, 3].map((length) => float32Tensor([length], new Float32Array(length)));
  await assert.rejects(executable.run({ a: two!, b: three! }), {
    name: "InferenceError",
    message: /Add.*\(inputs: "a" float32 \[2\], "b" float32 \[3\]\)$/s,
  });
  assert.deepEqual((await executable.run({ a: two!, b: two! }))["y"]!.data, new Float32Array(2));
});

Deno.test("Runtime.compile() refuses what is no model, an unknown operator and a device that is not there", async () => {
  using runtime = openRuntime({ logSeverity: "fatal" });
  await assert.rejects(runtime.compile(Uint8Array.of(1, 2, 3), onCpu), { name: "InferenceError", message: /protobuf/ });
  const unknown = model((m) => m.graph.output("y", m.op("Teleport", [m.graph.input("x", [1])], [1])));
  await assert.rejects(runtime.compile(unknown, onCpu), { name: "InferenceError", message: /Teleport/ });
  const onCuda = { ...onCpu, device: { kind: "cuda", index: 99 } } as const;
  const refusal = { name: "DeviceError", fault: "missing", message: /^Cannot use CUDA device 99: .*\S/ };
  await assert.rejects(runtime.compile(doubling, onCuda), refusal);
  assert.match(runtime.whyNot(onCuda.device)!.message, refusal.message);
  assert.equal(runtime.whyNot(onCpu.device), undefined);
});

Deno.test("openRuntime() says which library it could not load", () => {
  const libraryPath = packagedLibraryPath().replace("libonnxruntime.so.1", "onnxruntime_binding.none");
  assert.throws(() => openRuntime({ libraryPath }), {
    name: "InferenceError",
    message: /Cannot load ONNX Runtime from .*onnxruntime_binding\.none: /,
  });
});

Deno.test("Runtime.compile() maps weights out of their file, resident or not", async () => {
  using runtime = openRuntime();
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const weight = { dtype: "bfloat16", shape: [2, 2], data: bfloat16OfFloat32(Float32Array.of(1, 2, 3, 4)) } as const;
    await writeSafetensors(`${folder}/model.safetensors`, {
      odd: { dtype: "uint8", shape: [1], data: new Uint8Array(1) },
      weight,
    });
    const graph = new Graph("weights");
    const m = new Module(graph, await openCheckpoint(folder));
    graph.output("y", matmul(m, graph.input("x", [1, 2]), m.weight("weight", [2, 2])));
    for (const weights of ["resident", "mapped"] as const) {
      using executable = await runtime.compile(graph.build(), { ...onCpu, weights });
      const { y } = await executable.run({ x: float32Tensor([1, 2], Float32Array.of(1, 1)) });
      assert.deepEqual(y!.data, Float32Array.of(4, 6), weights);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Executable.run() stops inside a run within 100 ms, and the executable goes on", async () => {
  using runtime = openRuntime();
  using executable = await runtime.compile(chain(640, 400), { ...onCpu, threads: 1 });
  const whole = await elapsedMs(() => executable.run({ x: zeros(640) }));
  assert.ok(whole > 400, `a run takes ${whole} ms, too short to be stopped inside`);
  const reason = new Error("enough");
  const latencies = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const controller = new AbortController();
    const run = executable.run({ x: zeros(640) }, controller.signal);
    // The stimulus has to come inside the run: a quarter of its length after its start.
    await new Promise((resolve) => setTimeout(resolve, whole / 4));
    controller.abort(reason);
    latencies.push(await elapsedMs(() => assert.rejects(run, reason)));
  }
  assert.ok(Math.min(...latencies) < 100, `stopped after ${latencies} ms`);
  assert.deepEqual((await executable.run({ x: zeros(640) }))["y"], zeros(640));
});

Deno.test("Executable.run() and Runtime.compile() do not begin under a signal that is stopped already", async () => {
  using runtime = openRuntime();
  const reason = new Error("never");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(runtime.compile(doubling, { ...onCpu, signal }), reason);
  using executable = await runtime.compile(doubling, onCpu);
  await assert.rejects(executable.run({ x: zeros(2) }, signal), reason);
});

Deno.test("Runtime.compile() stops while it compiles, and the runtime goes on", async () => {
  using runtime = openRuntime({ logSeverity: "fatal" });
  const controller = new AbortController();
  const reason = new Error("never mind");
  const compiling = runtime.compile(chain(64, 2000), { ...onCpu, signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(compiling, reason);
  using executable = await runtime.compile(doubling, onCpu);
  assert.deepEqual((await executable.run({ x: zeros(2) }))["y"], zeros(2));
});

Deno.test("Executable.run() leaves the event loop free, and two runs go on at once", async () => {
  using runtime = openRuntime();
  using executable = await runtime.compile(chain(512, 60), { ...onCpu, threads: 1 });
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  try {
    const both = await Promise.all([executable.run({ x: zeros(512) }), executable.run({ x: zeros(512) })]);
    for (const { y } of both) assert.deepEqual(y, zeros(512));
  } finally {
    clearInterval(counting);
  }
  assert.ok(turns > 10, `the event loop turned ${turns} times`);
});

Deno.test("an executable disposed during a run ends that run with an error, and later ones at once", async () => {
  using runtime = openRuntime();
  const executable = await runtime.compile(chain(512, 300), { ...onCpu, threads: 1 });
  const run = executable.run({ x: zeros(512) });
  executable[Symbol.dispose]();
  await assert.rejects(run, { name: "InferenceError", message: /the executable was disposed/ });
  await assert.rejects(executable.run({ x: zeros(512) }), { message: "Cannot run: the executable is disposed" });
  executable[Symbol.dispose]();
});

Deno.test("an executable outlives its runtime, which compiles no more", async () => {
  const runtime = openRuntime();
  using executable = await runtime.compile(doubling, onCpu);
  runtime[Symbol.dispose]();
  await assert.rejects(runtime.compile(doubling, onCpu), { message: "Cannot compile: the runtime is disposed" });
  assert.deepEqual((await executable.run({ x: zeros(2) }))["y"], zeros(2));
});

Deno.test("200 executables come and go, with runs, errors and stops, and memory stays flat", async () => {
  using runtime = openRuntime({ logSeverity: "fatal" });
  const weight = float32Tensor([512, 512], new Float32Array(512 * 512));
  const holding = model((m) =>
    m.graph.output("y", matmul(m, m.graph.input("x", [512, 512]), m.graph.constant("w", weight)))
  );
  for (let i = 0; i < 20; i++) await useOnce(runtime, holding);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 200; i++) await useOnce(runtime, holding);
  const grownMiB = (Deno.memoryUsage().rss - before) / 2 ** 20;
  // One leaked session of 200 would keep 2 MiB of weights, inputs and outputs; all of them 400.
  assert.ok(grownMiB < 60, `resident memory grew by ${grownMiB.toFixed(0)} MiB`);
});

async function useOnce(runtime: Runtime, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  using executable = await runtime.compile(bytes, { ...onCpu, threads: 1 });
  await executable.run({ x: zeros(512) });
  const controller = new AbortController();
  const stopped = executable.run({ x: zeros(512) }, controller.signal);
  controller.abort();
  await assert.rejects(stopped);
  await assert.rejects(executable.run({ x: zeros(2) }));
  await assert.rejects(runtime.compile(Uint8Array.of(1), onCpu));
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
