/**
 * ONNX Runtime's Linux library would write a device id, keep a database and call its maker. It must not.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const root = join(import.meta.dirname!, "..");

/** A process that opens the runtime and runs a graph; its home is an empty folder. */
async function useRuntime(home: string, tracer: readonly string[]): Promise<{ pid: number }> {
  const script = `
    import { openRuntime } from "${join(root, "src/engine/onnx/runtime.ts")}";
    import { encodeModel } from "${join(root, "src/engine/onnx/model_proto.ts")}";
    const value = (name) => ({ name, dtype: "float32", shape: [1] });
    const node = { name: "n", op: "Neg", inputs: ["x"], outputs: ["y"], attributes: {} };
    const graph = { name: "g", nodes: [node], initializers: [], inputs: [value("x")], outputs: [value("y")] };
    using runtime = openRuntime();
    using executable = await runtime.compile(encodeModel(graph), { device: { kind: "cpu" }, weights: "resident" });
    const { y } = await executable.run({ x: { dtype: "float32", shape: [1], data: Float32Array.of(3) } });
    if (y.data[0] !== -3) Deno.exit(3);
  `;
  const [command, ...args] = [...tracer, Deno.execPath(), "eval", script];
  const denoDir = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno");
  const child = new Deno.Command(command!, {
    args,
    cwd: root,
    env: { HOME: home, XDG_CACHE_HOME: join(home, ".cache"), DENO_DIR: denoDir, ORT_DISABLE_TELEMETRY: "0" },
    stderr: "piped",
  }).spawn();
  const { success, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return { pid: child.pid };
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    files.push(...isDirectory ? await filesBelow(path) : [path]);
  }
  return files;
}

async function withEmptyHome(use: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await use(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("the runtime leaves no file behind", () =>
  withEmptyHome(async (home) => {
    const { pid } = await useRuntime(home, []);
    assert.deepEqual(await filesBelow(home), []);
    await assert.rejects(Deno.stat(`/tmp/mat-debug-${pid}.log`), Deno.errors.NotFound);
  }));

const canTrace = Deno.build.os === "linux" &&
  await new Deno.Command("strace", { args: ["-V"], stdout: "null" }).output().then(() => true, () => false);

Deno.test({
  name: "the runtime reads no machine id and opens no connection (needs strace)",
  ignore: !canTrace,
  fn: () =>
    withEmptyHome(async (home) => {
      const trace = join(home, "trace");
      await useRuntime(home, ["strace", "-f", "-qq", "-e", "trace=openat,connect,sendto", "-o", trace]);
      const calls = (await Deno.readTextFile(trace)).split("\n");
      assert.ok(calls.some((call) => call.includes("libonnxruntime.so")), "the trace does not hold the library");
      const suspect = calls.filter((call) => /machine-id|mat-debug|Microsoft|AF_INET|resolv\.conf/.test(call));
      assert.deepEqual(suspect, []);
    }),
});
