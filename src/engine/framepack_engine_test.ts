import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFramePackEngine } from "./framepack_engine.ts";

const emoji = fileURLToPath(new URL("../../models/emoji", import.meta.url));

Deno.test("createFramePackEngine() names the model and the reason when its configuration contradicts itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "framecast-contradiction-"));
  try {
    await cp(emoji, folder, { recursive: true });
    const file = join(folder, "vae", "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, "norm_num_groups": 3 })); // of 8 channels
    await using engine = createFramePackEngine({ device: { kind: "cpu" } });
    await assert.rejects(Array.fromAsync(engine.warm(folder, new AbortController().signal)), (error: Error) => {
      assert.equal(error.name, "CheckpointError");
      assert.ok(error.message.startsWith(`Cannot use the model folder "${folder}": Cannot build `), error.message);
      assert.match(error.message, /expected a multiple of 3$/);
      return true;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
