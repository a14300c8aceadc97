import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTinyModel } from "../../tests/tiny_model.ts";
import { tinyInput } from "../../tests/tiny_network.ts";
import { ExecutableCache } from "./onnx/executable_cache.ts";
import { openRuntime, type Runtime } from "./onnx/runtime.ts";
import { loadVae } from "./vae.ts";

const onCpu = { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep" } as const;
const going = new AbortController().signal;
const size = { height: 3, width: 2 };

/** Frames `[start, end)` of one endless latent video. */
function latents(start: number, end: number): Float32Array {
  const frames = Array.from({ length: end - start }, (_, i) => tinyInput(`latent ${start + i}`, [16, 6]).data);
  const volume = new Float32Array(16 * frames.length * 6);
  frames.forEach((frame, t) => {
    for (let c = 0; c < 16; c++) volume.set(frame.subarray(c * 6, (c + 1) * 6), (c * frames.length + t) * 6);
  });
  return volume;
}

/** A runtime that notes the name of the input of every run. */
function noting(runtime: Runtime, runs: string[]): Pick<Runtime, "compile"> {
  return {
    async compile(model, options) {
      const executable = await runtime.compile(model, options);
      return {
        inputs: executable.inputs,
        outputs: executable.outputs,
        run: (inputs, signal) => {
          runs.push(...Object.entries(inputs).map(([name, { shape }]) => `${name} ${shape[1]}`));
          return executable.run(inputs, signal);
        },
        runInto: (...run) => executable.runInto(...run),
        [Symbol.dispose]: () => executable[Symbol.dispose](),
      };
    },
  };
}

Deno.test("Vae.decode() computes no tile again that comes back unchanged, and the frames are the same bit for bit", async () => {
  await using model = await makeTinyModel("tiny-a");
  using runtime = openRuntime();
  const runs: string[] = [];
  using executables = new ExecutableCache(noting(runtime, runs), onCpu);
  const vae = await loadVae(join(model.dir, "vae"), executables);
  await vae.decode(latents(0, 18), size, going);
  assert.deepEqual(runs.splice(0), [...Array(5).fill("latents 5"), "latents 3"]);
  const forward = await vae.decode(latents(9, 27), size, going);
  assert.deepEqual(runs.splice(0), [...Array(3).fill("latents 5"), "latents 3"]);
  const inverted = await vae.decode(latents(0, 18), size, going);
  assert.deepEqual(runs.splice(0), [...Array(3).fill("latents 5"), "latents 3"]);
  const fresh = await loadVae(join(model.dir, "vae"), executables);
  assert.deepEqual(forward, await fresh.decode(latents(9, 27), size, going));
  assert.deepEqual(inverted, await fresh.decode(latents(0, 18), size, going));
});

Deno.test("Vae.warm() compiles all that a picture and its sections need", async () => {
  await using model = await makeTinyModel("tiny-a");
  using runtime = openRuntime();
  let compiled = 0;
  const counting: Pick<Runtime, "compile"> = {
    compile: (...args) => (compiled++, runtime.compile(...args)),
  };
  using executables = new ExecutableCache(counting, onCpu);
  const vae = await loadVae(join(model.dir, "vae"), executables);
  await vae.warm(size);
  const warmed = compiled;
  const picture = { heightPx: 24, widthPx: 16, pixels: new Uint8Array(24 * 16 * 3) };
  assert.equal((await vae.encodeImage(picture, going)).length, 16 * 6);
  for (const frames of [9, 10, 18, 19]) await vae.decode(latents(0, frames), size, going);
  assert.equal(compiled, warmed);
});

Deno.test("Vae.decode() stops with the signal's reason and decodes afterwards as before", async () => {
  await using model = await makeTinyModel("tiny-a");
  using runtime = openRuntime();
  using executables = new ExecutableCache(runtime, onCpu);
  const vae = await loadVae(join(model.dir, "vae"), executables);
  const whole = await vae.decode(latents(0, 9), size, going);
  const controller = new AbortController();
  const decoding = vae.decode(latents(20, 38), size, controller.signal);
  const reason = new Error("stopped by the user");
  controller.abort(reason);
  await assert.rejects(decoding, reason);
  assert.deepEqual(await vae.decode(latents(0, 9), size, going), whole);
});

Deno.test("Vae in float16 stays near the one in float32, and not equal", async () => {
  await using model = await makeTinyModel("tiny-a");
  using runtime = openRuntime();
  const decoded = async (computeDType: "float32" | "float16") => {
    using executables = new ExecutableCache(runtime, onCpu);
    const vae = await loadVae(join(model.dir, "vae"), executables, { computeDType });
    return (await vae.decode(latents(0, 2), size, going)).data;
  };
  const [full, half] = [await decoded("float32"), await decoded("float16")];
  const worst = full.reduce((most, value, i) => Math.max(most, Math.abs(value - half[i]!)), 0);
  assert.ok(worst > 1e-6 && worst < 0.02, `differs by ${worst}`);
});

Deno.test("loadVae() names the weight a folder lacks when it is needed", async () => {
  await using model = await makeTinyModel("tiny-a");
  using runtime = openRuntime();
  using executables = new ExecutableCache(runtime, onCpu);
  const file = join(model.dir, "vae/config.json");
  const config = JSON.parse(await Deno.readTextFile(file));
  await Deno.writeTextFile(file, JSON.stringify({ ...config, "layers_per_block": 3 }));
  const vae = await loadVae(join(model.dir, "vae"), executables);
  await assert.rejects(vae.decode(latents(0, 1), size, going), {
    name: "CheckpointError",
    message: /decoder\.up_blocks\.0\.resnets\.3\.norm1/,
  });
});
