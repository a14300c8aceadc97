/**
 * Processes as Linux lists them under /proc.
 * @module
 */

export interface ProcessInfo {
  readonly pid: number;
  readonly command: readonly string[];
}

/** Children, their children, and so on; parents first. */
export async function descendants(pid: number): Promise<ProcessInfo[]> {
  const children = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean).map(
    Number,
  );
  const found: ProcessInfo[] = [];
  for (const child of children) {
    const command = (await Deno.readTextFile(`/proc/${child}/cmdline`)).split("\0").filter(Boolean);
    found.push({ pid: child, command }, ...await descendants(child));
  }
  return found;
}

/** Resident memory. `anonymous` leaves out pages that are mapped files, which the system can drop at any time. */
export async function rssBytes(pid: number | "self", kind: "all" | "anonymous" = "all"): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const field = kind === "all" ? "VmRSS" : "RssAnon";
  return Number(status.match(new RegExp(`${field}:\\s+(\\d+) kB`))![1]) * 1024;
}
