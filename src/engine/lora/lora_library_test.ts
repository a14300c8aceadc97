import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emojiDir } from "../../../tests/emoji.ts";
import { loraTensors, seenModules, writeLora } from "../../../tests/lora_files.ts";
import { writeSafetensors } from "../onnx/safetensors.ts";
import { LoraLibrary } from "./lora_library.ts";

/** A model folder with a transformer and `loras/`, and a shared folder. */
async function folders() {
  const root = await mkdtemp(join(tmpdir(), "framecast-loras-"));
  const [modelDir, shared] = [join(root, "model"), join(root, "shared")];
  await cp(join(emojiDir, "transformer"), join(modelDir, "transformer"), { recursive: true });
  for (const folder of [shared, join(modelDir, "loras")]) await mkdir(folder, { recursive: true });
  return {
    modelDir,
    shared,
    own: (name: string) => join(modelDir, "loras", name),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

const good = { format: "kohya", modules: seenModules } as const;

Deno.test("LoraLibrary lists a model's own and shared files by name, the own before the shared", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  await writeLora(join(shared, "oil.safetensors"), emojiDir, good);
  await writeLora(join(shared, "ink.safetensors"), emojiDir, good);
  await writeLora(own("ink.safetensors"), emojiDir, good);
  await symlink(join(shared, "oil.safetensors"), own("a link.safetensors"));
  await writeFile(own("notes.txt"), "no LoRA");
  await mkdir(own("folder.safetensors"));
  const library = new LoraLibrary(shared);
  assert.deepEqual(await library.list(modelDir), [
    { name: "a link", file: own("a link.safetensors"), fault: null },
    { name: "ink", file: own("ink.safetensors"), fault: null },
    { name: "oil", file: join(shared, "oil.safetensors"), fault: null },
  ]);
});

Deno.test("LoraLibrary works without any folder of LoRAs", async () => {
  assert.deepEqual(await new LoraLibrary("/nonexistent/loras").list(emojiDir), []);
});

Deno.test("LoraLibrary tells with the list what a header shows to be wrong, and forgets it with the file", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  await writeFile(own("ink.safetensors"), "no safetensors");
  const library = new LoraLibrary(shared);
  const [before] = await library.list(modelDir);
  assert.match(before!.fault!, /^Cannot apply the LoRA "ink": .*ink\.safetensors is damaged: it claims a header/);
  await writeLora(own("ink.safetensors"), emojiDir, good);
  const [after] = await library.list(modelDir);
  assert.equal(after!.fault, null);
});

Deno.test("LoraLibrary finds the files of choices, in their order", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  for (const name of ["ink", "oil"]) await writeLora(own(`${name}.safetensors`), emojiDir, good);
  const library = new LoraLibrary(shared);
  assert.deepEqual(await library.find(modelDir, [{ name: "oil", strength: -1 }, { name: "ink", strength: 0.5 }]), [
    { file: own("oil.safetensors"), strength: -1 },
    { file: own("ink.safetensors"), strength: 0.5 },
  ]);
});

Deno.test("LoraLibrary refuses a name that is not there, be it a path, and names those that are", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  await writeLora(own("ink.safetensors"), emojiDir, good);
  await writeLora(join(modelDir, "secret.safetensors"), emojiDir, good);
  const library = new LoraLibrary(shared);
  for (const name of ["none", "../secret", join(modelDir, "secret"), "ink.safetensors"]) {
    await assert.rejects(library.find(modelDir, [{ name, strength: 1 }]), {
      name: "RequestError",
      field: "loras",
      message: `There is no LoRA "${name}" for this model, there is "ink"`,
    });
  }
});

Deno.test("LoraLibrary finds NaN before anything is made with it", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  const tensors = await loraTensors(modelDir, good);
  Object.values(tensors)[0]!.data[5] = NaN;
  await writeSafetensors(own("broken.safetensors"), tensors);
  const library = new LoraLibrary(shared);
  assert.equal((await library.list(modelDir))[0]!.fault, null); // the header tells nothing of it
  await assert.rejects(library.find(modelDir, [{ name: "broken", strength: 1 }]), {
    name: "RequestError",
    message: 'Cannot apply the LoRA "broken": ' +
      '"lora_unet_transformer_blocks_0_attn_to_q.lora_down.weight" holds NaN at place 5',
  });
});

Deno.test("LoraLibrary blames the model, not the file, when the model cannot be read", async () => {
  await using trial = await folders();
  const { modelDir, shared, own } = trial;
  await writeLora(own("ink.safetensors"), emojiDir, good);
  await rm(join(modelDir, "transformer"), { recursive: true });
  await assert.rejects(new LoraLibrary(shared).list(modelDir), { name: "CheckpointError" });
});
