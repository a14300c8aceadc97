import assert from "node:assert/strict";
import { DeviceTensor } from "./device_tensor.ts";
import { Graph } from "./graph.ts";
import { Module } from "./module.ts";
import { add, matmul, mul } from "./operators.ts";
import { openRuntime, type Runtime } from "./runtime.ts";
import { bfloat16OfFloat32, float32Tensor } from "./tensor.ts";

const noCheckpoint = { get: () => assert.fail(), has: () => false, names: () => [], readFloat32: () => assert.fail() };

async function compiled(runtime: Runtime, build: (m: Module) => void) {
  const graph = new Graph("test");
  build(new Module(graph, { ...noCheckpoint, metadata: {} }));
  return await runtime.compile(graph.build(), { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep" });
}

/** product = x y, sum = x + x; all [rows, 3] or [3, 3] */
const twoResults = (runtime: Runtime) =>
  compiled(runtime, (m) => {
    const x = m.graph.input("x", ["rows", 3]);
    m.graph.output("product", matmul(m, x, m.graph.input("y", [3, 3])));
    m.graph.output("sum", add(m, x, x));
  });

const numbers = (rows: number, columns: number, seed = 1) =>
  float32Tensor([rows, columns], Float32Array.from({ length: rows * columns }, (_, at) => Math.sin(at * 7.3 + seed)));

Deno.test("runInto() gives the host and leaves on the device the same bits as run()", async () => {
  using runtime = openRuntime();
  using executable = await twoResults(runtime);
  const inputs = { x: numbers(5, 3), y: numbers(3, 3, 2) };
  const plain = await executable.run(inputs);
  const bound = await executable.runInto(inputs, { product: "host", sum: "device" });
  using sum = bound.sum;
  assert.ok(sum instanceof DeviceTensor);
  assert.deepEqual(bound.product, plain["product"]);
  assert.deepEqual(sum.toHost(), plain["sum"]);
});

Deno.test("runInto() and run() read device tensors, and one that nothing else holds", async () => {
  using runtime = openRuntime();
  using executable = await twoResults(runtime);
  const inputs = { x: numbers(3, 3), y: numbers(3, 3, 2) };
  const { product } = await executable.runInto(inputs, { product: "device" });
  const again = { x: product, y: inputs.y };
  const plain = await executable.run({ x: product.toHost(), y: inputs.y });
  assert.deepEqual(await executable.run(again), plain);
  const running = executable.runInto(again, { product: "host" });
  product[Symbol.dispose](); // the run keeps the memory
  assert.deepEqual((await running).product, plain["product"]);
});

Deno.test("runInto() writes over rows of a tensor that is there", async () => {
  using runtime = openRuntime();
  using executable = await twoResults(runtime);
  const { sum: table } = await executable.runInto({ x: numbers(6, 3), y: numbers(3, 3) }, { sum: "device" });
  const before = table.toHost();
  using rows = table.rows(2, 4);
  assert.deepEqual(rows.shape, [2, 3]);
  assert.deepEqual(rows.toHost().data, before.data.slice(6, 12));
  const x = numbers(2, 3, 5);
  const { sum } = await executable.runInto({ x, y: numbers(3, 3) }, { sum: rows });
  assert.equal(sum, rows);
  const expected = Float32Array.from(before.data as Float32Array);
  expected.set(x.data.map((value) => value + value), 6);
  assert.deepEqual(table.toHost().data, expected);
});

Deno.test("runInto() refuses an output that the graph has not, and a destination of another size", async () => {
  using runtime = openRuntime({ logSeverity: "fatal" });
  using executable = await twoResults(runtime);
  const inputs = { x: numbers(5, 3), y: numbers(3, 3) };
  await assert.rejects(executable.runInto(inputs, { quotient: "host" }), {
    name: "InferenceError",
    message: /^there is no output "quotient" \(inputs: "x" float32 \[5,3\]/,
  });
  const { sum } = await executable.runInto(inputs, { sum: "device" });
  using wrong = sum.rows(0, 2);
  await assert.rejects(executable.runInto(inputs, { sum: wrong }), { name: "InferenceError" });
  await assert.rejects(executable.runInto({ ...inputs, y: sum }, { sum: "host" }), {
    message: /"y" is \[5,3\], expected \[3,3\]/,
  });
});

Deno.test("a device tensor carries bfloat16, cannot be used once released, and says which rows it has not", async () => {
  using runtime = openRuntime();
  using executable = await compiled(runtime, (m) => {
    const x = m.graph.input("x", [2, 2], "bfloat16");
    m.graph.output("y", m.op("Transpose", [x], [2, 2], { perm: [1, 0] }));
  });
  const x = { dtype: "bfloat16", shape: [2, 2], data: bfloat16OfFloat32(Float32Array.of(1, 2, 3, 4)) } as const;
  const { y } = await executable.runInto({ x }, { y: "device" });
  assert.deepEqual(y.toHost(), { ...x, data: bfloat16OfFloat32(Float32Array.of(1, 3, 2, 4)) });
  assert.throws(() => y.rows(1, 3), { name: "RangeError", message: "Cannot take rows 1 to 3 of a tensor [2,2]" });
  y[Symbol.dispose]();
  y[Symbol.dispose]();
  assert.throws(() => y.toHost(), { message: "Cannot use a bfloat16 tensor [2,2]: it was released" });
});

Deno.test("a thousand device tensors come and go, and memory stays flat", async () => {
  using runtime = openRuntime();
  using executable = await compiled(runtime, (m) => {
    const x = m.graph.input("x", [512, 512]);
    m.graph.output("y", mul(m, x, x));
  });
  const step = async (x: DeviceTensor) => {
    const { y } = await executable.runInto({ x }, { y: "device" });
    x[Symbol.dispose]();
    return y;
  };
  let { y } = await executable.runInto({ x: numbers(512, 512) }, { y: "device" });
  for (let i = 0; i < 50; i++) y = await step(y);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 1000; i++) y = await step(y);
  const grownMiB = (Deno.memoryUsage().rss - before) / 2 ** 20;
  y[Symbol.dispose]();
  // All of them would keep 1000 MiB.
  assert.ok(grownMiB < 60, `resident memory grew by ${grownMiB.toFixed(0)} MiB`);
});
