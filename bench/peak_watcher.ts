/**
 * What a process takes of main memory and of the disk, from its first moments on, by Linux's own counts.
 *
 *     deno run -A bench/peak_watcher.ts PARENT_PID host.ts
 *
 * Prints "watching", waits for a child of the parent that runs a script of this name, asks every 20 ms, and for a line of input prints
 * a `PeakCounts` and ends.
 * @module
 */
import { linesOf } from "./lines.ts";

export interface PeakCounts {
  /** The most that was no page of a file at one moment: what the system cannot drop. */
  readonly beyondFilesBytes: number;
  /** The most at one moment, pages of mapped files included. */
  readonly residentBytes: number;
  /** What storage had to give, whoever had it before. */
  readonly readFromDiskBytes: number;
  /** How often it was asked. */
  readonly looks: number;
}

const everyMs = 20;

if (import.meta.main) {
  const [parent, script] = Deno.args as [string, string];
  const peaks = { beyondFilesBytes: 0, residentBytes: 0, readFromDiskBytes: 0, looks: 0 };
  let pid: number | undefined;
  const looking = setInterval(() => {
    try {
      pid ??= childRunning(parent, script);
      if (pid !== undefined) look(pid, peaks);
    } catch { // it has ended
    }
  }, everyMs);
  print("watching");
  for await (const _ of linesOf(Deno.stdin.readable)) break;
  clearInterval(looking);
  print(JSON.stringify(peaks));
  Deno.exit(0);
}

function childRunning(parent: string, script: string): number | undefined {
  const threads = [...Deno.readDirSync(`/proc/${parent}/task`)].map(({ name }) => name);
  const children = threads.flatMap((thread) => read(`${parent}/task/${thread}/children`).split(" ").filter(Boolean));
  const runsScript = (child: string) =>
    read(`${child}/cmdline`).split("\0").some((word) => word.endsWith(`/${script}`));
  const found = children.find(runsScript);
  return found === undefined ? undefined : Number(found);
}

function look(pid: number, peaks: { -readonly [Key in keyof PeakCounts]: PeakCounts[Key] }): void {
  const status = read(`${pid}/status`);
  const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  peaks.beyondFilesBytes = Math.max(peaks.beyondFilesBytes, bytes("RssAnon") + bytes("RssShmem"));
  peaks.residentBytes = Math.max(peaks.residentBytes, bytes("VmHWM"));
  peaks.readFromDiskBytes = Number(/^read_bytes: (\d+)/m.exec(read(`${pid}/io`))?.[1] ?? 0);
  peaks.looks++;
}

function read(path: string): string {
  return Deno.readTextFileSync(`/proc/${path}`);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
