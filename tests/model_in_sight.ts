/**
 * The embedded model with every run of its graphs in sight.
 * @module
 */
import { join } from "node:path";
import { type FramePackModel, loadModel } from "../src/engine/model.ts";
import { ExecutableCache } from "../src/engine/onnx/executable_cache.ts";
import type { Inputs } from "../src/engine/onnx/executable.ts";
import { openRuntime, type Runtime } from "../src/engine/onnx/runtime.ts";
import { SharedWeights } from "../src/engine/streaming/shared_weights.ts";
import { loadVae } from "../src/engine/vae.ts";
import { type CountedMemory, countedMemory } from "./counted_memory.ts";
import { emojiDir } from "./emoji.ts";

/** On a CPU; the autoencoder's weights are there only while they are used. */
export interface ModelInSight extends AsyncDisposable {
  readonly model: FramePackModel;
  readonly memory: CountedMemory;
  readonly runs: RunsInSight;
}

export interface RunsInSight {
  underWay: number;
  /** Of the transformer's blocks, since the beginning. */
  steps: number;
  /** Asked before each run. */
  before: (inputs: Inputs) => void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export async function modelInSight(): Promise<ModelInSight> {
  const stack = new AsyncDisposableStack();
  const runtime = stack.use(openRuntime());
  const runs = runsInSight();
  const onCpu = { device: { kind: "cpu" }, idleThreads: "sleep" } as const;
  const seen = seenRuntime(runtime, runs);
  const model = stack.use(await loadModel(emojiDir, seen, onCpu));
  const memory = countedMemory(runtime);
  const graphs = stack.use(new ExecutableCache(seen, { ...onCpu, weights: "resident" }));
  const weights = { runtime: memory.runtime, device: onCpu.device, stay: "while used" } as const;
  const vae = stack.use(
    await loadVae(join(emojiDir, "vae"), graphs, {
      weights: (checkpoint) => new SharedWeights({ ...weights, checkpoint }),
    }),
  );
  return {
    model: { ...model, vae },
    memory,
    runs,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export const runsInSight = (): RunsInSight => ({
  underWay: 0,
  steps: 0,
  before: () => {},
  async idle() {
    while (this.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  },
});

/** A runtime whose runs are in sight. */
export function seenRuntime(runtime: Runtime, runs: RunsInSight): Runtime {
  const during = async <Result>(inputs: Inputs, compute: () => Promise<Result>): Promise<Result> => {
    if ("modulations" in inputs && "context" in inputs) runs.steps++;
    runs.before(inputs);
    runs.underWay++;
    try {
      return await compute();
    } finally {
      runs.underWay--;
    }
  };
  return {
    async compile(model, options) {
      const executable = await runtime.compile(model, options);
      return {
        inputs: executable.inputs,
        outputs: executable.outputs,
        run: (inputs, signal) => during(inputs, () => executable.run(inputs, signal)),
        runInto: (inputs, ...rest) => during(inputs, () => executable.runInto(inputs, ...rest)),
        [Symbol.dispose]: () => executable[Symbol.dispose](),
      };
    },
    whyNot: (device) => runtime.whyNot(device),
    memoryInfo: (device) => runtime.memoryInfo(device),
    releaseArena: (device) => runtime.releaseArena(device),
    openMemory: (...from) => runtime.openMemory(...from),
    tensorIn: (...place) => runtime.tensorIn(...place),
    [Symbol.dispose]() {},
  };
}
