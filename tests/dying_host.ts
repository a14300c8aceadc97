/**
 * An engine process that dies by SIGKILL. Of the model `second` it dies with the second order that it takes, before it
 * says a word about it, as one does that is being killed from outside; of `poison` with any; of `halfway` after it has
 * reported something. Of `lost`, `full` and `small` it fails as one does whose GPU is.
 */
import { DeviceError, MemoryShortageError } from "../src/engine/mod.ts";
import { host } from "../src/engine/host.ts";
import type { Engine, GenerationEvent } from "../src/engine/mod.ts";

const die = () => Deno.kill(Deno.pid, "SIGKILL");
let orders = 0;

const engine: Engine = {
  generate: () => engine.warm("", new AbortController().signal),
  async *warm(modelDir: string): AsyncGenerator<GenerationEvent> {
    orders++;
    if (modelDir === "poison" || (modelDir === "second" && orders === 2)) die();
    yield { kind: "loading", part: String(Deno.pid), done: orders, of: 2 };
    if (modelDir === "lost") throw new DeviceError("lost", "The GPU was lost (CUDA failure 700)");
    if (modelDir === "full") throw new DeviceError("out of memory", "Cannot take 454 MB of the memory of GPU 0");
    if (modelDir === "small") {
      const shortage = { neededBytes: 9, limitBytes: 4, missingBytes: 5, fittingSize: { widthPx: 96, heightPx: 80 } };
      throw new MemoryShortageError("640 × 608 does not fit", shortage);
    }
    if (modelDir !== "halfway") return;
    // Frames are waited for, so what was told before them has left.
    yield { kind: "frames", section: 1, batch: { firstFrameIndex: 0, state: "final", pixels: new Uint8Array(3) } };
    die();
  },
  async [Symbol.asyncDispose]() {},
};

await host(engine, Deno.stdin.readable, Deno.stdout.writable);
