/**
 * Scripts of this folder as processes of their own, so that what they cost can be told from what others do.
 * @module
 */
import { fileURLToPath } from "node:url";
import { linesOf } from "./lines.ts";

export interface Script extends AsyncDisposable {
  readonly pid: number;
  /** What it prints next. @throws when it has ended */
  nextLine(): Promise<string>;
  tell(line: string): Promise<void>;
}

/** @param path relative to this folder */
export function startScript(path: string, args: readonly string[], permissions: readonly string[] = watching): Script {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...permissions, fileURLToPath(new URL(path, import.meta.url)), ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = linesOf(process.stdout)[Symbol.asyncIterator]();
  const input = process.stdin.getWriter();
  return {
    pid: process.pid,
    async nextLine() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${path} has ended`);
      return value;
    },
    tell: (line) => input.write(new TextEncoder().encode(`${line}\n`)),
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGTERM");
      } catch { // it has ended by itself
      }
      await input.close().catch(() => {});
      await process.status;
      await lines.return(undefined);
    },
  };
}

/** What a WebRTC peer needs. */
const watching = ["--allow-net", "--allow-env", "--allow-sys", "--allow-read"];
