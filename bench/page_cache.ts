/**
 * The system's memory of files: how to have it forget them, so that the next reader waits for the disk.
 * @module
 */
import { MissingError } from "./figure.ts";

/** Everything, or the files that are named; says how, as a part of a sentence. */
export type Forgetting = (files: readonly string[]) => Promise<string>;

/** @throws MissingError when this machine lets neither be done */
export const forgetAll: Forgetting = async (files) => {
  await flush(files);
  try {
    await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
    return "drop_caches, which drops every page of every file,";
  } catch { // only root may, and not in every container
    return await forgetFiles(files);
  }
};

/** By GNU dd, which asks for it as `posix_fadvise` does. @throws MissingError when there is none */
export const forgetFiles: Forgetting = async (files) => {
  await flush(files);
  for (const file of files) {
    const args = [`if=${file}`, "iflag=nocache", "count=0"];
    const { success, stderr } = await new Deno.Command("dd", { args, stdout: "null", stderr: "piped" }).output().catch(
      (cause) => {
        throw new MissingError(`dd cannot be started: ${(cause as Error).message}`, { cause });
      },
    );
    if (!success) throw new MissingError(`dd cannot drop pages: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return "dd, which drops pages of the model's files and not those of libraries,";
};

/** Pages that are not written yet cannot be dropped. */
async function flush(files: readonly string[]): Promise<void> {
  for (const path of files) {
    using file = await Deno.open(path);
    await file.sync();
  }
}
