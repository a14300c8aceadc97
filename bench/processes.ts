/**
 * Processes as Linux lists them. Deno reads `/proc` only with every permission, so a deno with every permission is asked.
 * @module
 */
import { descendantsOf } from "../tests/processes.ts";

/** Resident memory in MiB; `anonymous` leaves out pages of mapped files, which the system can drop at any time. */
export interface MemoryMebibytes {
  readonly resident: number;
  readonly anonymous: number;
}

/** The process below this one that runs a script. */
export async function pidRunning(script: string): Promise<number> {
  const processes = await descendantsOf(Deno.pid);
  const found = processes.find(({ arguments: words }) =>
    words.includes("run") && words.some((w) => w.endsWith(script))
  );
  if (!found) throw new Error(`No process below this one runs ${script}`);
  return found.pid;
}

export async function memoryOf(pid: number): Promise<MemoryMebibytes> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", `console.log(Deno.readTextFileSync("/proc/${pid}/status"))`],
    env: { NO_COLOR: "1" },
  }).output();
  const status = new TextDecoder().decode(stdout);
  const field = (name: string) => Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))![1]) / 1024;
  return { resident: field("VmRSS"), anonymous: field("RssAnon") };
}
