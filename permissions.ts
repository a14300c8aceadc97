/**
 * Prints one permission list for the tasks of `deno.json`, since these few depend on the machine:
 * `run` (deno itself and the ffmpegs that may be found), `run-tests` (also what tests play and check videos with),
 * `write-data` (the data folder) and `write-here` (where the command was typed, and temporary files).
 * @module
 */
import { join } from "node:path";
import { tmpdir } from "node:os";

/** The ffmpeg that comes with npm lies in the folder of its platform and version. */
async function packagedFfmpeg(): Promise<string | undefined> {
  const lock: { readonly npm?: Record<string, unknown> } = JSON.parse(
    await Deno.readTextFile(new URL("deno.lock", import.meta.url)),
  );
  const platform = `${Deno.build.os === "windows" ? "win32" : Deno.build.os}-${
    Deno.build.arch === "aarch64" ? "arm64" : "x64"
  }`;
  const name = `@ffmpeg-installer/${platform}`;
  const locked = Object.keys(lock.npm ?? {}).find((key) => key.startsWith(`${name}@`));
  const program = Deno.build.os === "windows" ? "ffmpeg.exe" : "ffmpeg";
  return locked && join("node_modules", ".deno", locked.replace("/", "+"), "node_modules", name, program);
}

async function list(permission: string | undefined): Promise<(string | undefined)[]> {
  switch (permission) {
    case "run":
      return [Deno.execPath(), Deno.env.get("FRAMECAST_FFMPEG") || "ffmpeg", await packagedFfmpeg()];
    case "run-tests":
      return [...await list("run"), "ffprobe", "chromium", "python3", "/usr/bin/python3", "strace"];
    case "write-data":
      return [Deno.env.get("FRAMECAST_DATA_DIR") || "data"];
    case "write-here":
      return [Deno.env.get("INIT_CWD") ?? ".", tmpdir()];
    default:
      throw new TypeError(`There is no permission list "${permission}"`);
  }
}

const items = (await list(Deno.args[0])).filter((item) => item !== undefined);
Deno.stdout.writeSync(new TextEncoder().encode(items.join(",")));
