import assert from "node:assert/strict";
import { z } from "zod";
import { CheckpointError } from "./errors.ts";
import { readConfig, readJsonObject } from "./json_file.ts";

async function fileOf(text: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, text);
  return path;
}

const refusal = (message: RegExp) => (error: Error) => error instanceof CheckpointError && message.test(error.message);

Deno.test("readJsonObject() gives the object", async () => {
  assert.deepEqual(await readJsonObject(await fileOf(`{"a":1}`)), { a: 1 });
});

Deno.test("readJsonObject() names the file and what is wrong with it", async () => {
  await assert.rejects(readJsonObject("no/such/file.json"), refusal(/"no\/such\/file\.json": there is no such file/));
  await assert.rejects(readJsonObject(await fileOf("{")), refusal(/not valid JSON/));
  await assert.rejects(readJsonObject(await fileOf("[1]")), refusal(/does not hold a JSON object/));
});

Deno.test("readConfig() names the key that is wrong", async () => {
  const schema = z.object({ size: z.object({ width: z.int() }) });
  const read = async (text: string) => readConfig(await fileOf(text), (json) => schema.parse(json));
  assert.deepEqual(await read(`{"size":{"width":3}}`), { size: { width: 3 } });
  await assert.rejects(read(`{"size":{"width":"3"}}`), refusal(/Cannot use ".*": size\.width: .*expected/));
});
