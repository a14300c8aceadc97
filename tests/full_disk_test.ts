/** A disk that really is full: one of 1 MB in memory, mounted for one process only. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"';

async function onSmallDisk(
  directory: string,
  command: string[],
): Promise<{ success: boolean; text: string; errors: string }> {
  const args = ["--user", "--map-root-user", "--mount", "sh", "-c", mount, directory, ...command];
  const { success, stdout, stderr } = await new Deno.Command("unshare", { args }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout), errors: decoder.decode(stderr) };
}

/** Containers often forbid mounting. */
async function canMount(): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  try {
    return (await onSmallDisk(directory, ["true"])).success;
  } catch {
    return false;
  } finally {
    await Deno.remove(directory);
  }
}

Deno.test({
  name: "a full disk stops store and recording with one sentence each, and loses no frame (needs unshare and mount)",
  ignore: !await canMount(),
  async fn() {
    const [small, roomy] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
    const writer = fileURLToPath(new URL("full_disk_writer.ts", import.meta.url));
    const { success, text, errors } = await onSmallDisk(small, [Deno.execPath(), "run", "-A", writer, small, roomy]);
    assert.ok(success, errors);
    const { framesWritten, refusal, isWhole, recording, left } = JSON.parse(text);
    assert.ok(framesWritten > 50 && framesWritten < 90, `${framesWritten} frames of 12 KiB in 1 MiB`);
    assert.match(refusal, /^Cannot store frames (\d+) to \1 in "[^"]+": no space is left on the disk \(12288 bytes/);
    assert.equal(isWhole, true);
    assert.match(recording, /^Cannot record "[^"]+video\.mp4": no space is left on the disk$/);
    assert.deepEqual(left, ["frames.rgb"]);
    await Promise.all([small, roomy].map((directory) => Deno.remove(directory, { recursive: true })));
  },
});
