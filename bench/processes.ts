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

/** What a process has at one moment. */
export interface ProcessState {
  readonly pid: number;
  /** Its program, without a folder. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** `Z`: it has ended, and nobody has asked how (proc_pid_stat(5)). */
  readonly state: string;
  /** User and system, with that of children that have ended. */
  readonly cpuSeconds: number;
  readonly memory: MemoryMebibytes;
  readonly openFiles: number;
  readonly udpSockets: number;
}

/** The process below this one that runs a script. */
export async function pidRunning(script: string): Promise<number> {
  const processes = await descendantsOf(Deno.pid);
  const found = processes.find(({ arguments: words }) =>
    words.includes("run") && words.some((w) => w.endsWith(`/${script}`))
  );
  if (!found) throw new Error(`No process below this one runs ${script}`);
  return found.pid;
}

export async function memoryOf(pid: number): Promise<MemoryMebibytes> {
  return (await familyOf(pid))[0]!.memory;
}

/** A process, and then all below it, ended ones whose end nobody has asked for included. */
export async function familyOf(pid: number): Promise<ProcessState[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", familyScript, `${pid}`],
    env: { NO_COLOR: "1" },
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Of a process and all below it, now and before. */
export function cpuSecondsOf(family: readonly ProcessState[]): number {
  return family.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

const familyScript = `
  const read = (path) => Deno.readTextFileSync("/proc/" + path);
  const udp = new Set(["udp", "udp6"].flatMap((kind) =>
    read("self/net/" + kind).trim().split("\\n").slice(1).map((line) => "socket:[" + line.trim().split(/\\s+/)[9] + "]")));
  const family = [];
  const visit = (pid) => {
    try {
      const stat = read(pid + "/stat");
      const nameEnd = stat.lastIndexOf(")");
      const fields = stat.slice(nameEnd + 2).split(" ");
      const status = read(pid + "/status");
      const mebibytes = (name) => Number(status.match(new RegExp(name + ":\\\\s+(\\\\d+) kB"))?.[1] ?? 0) / 1024;
      const files = fields[0] === "Z" ? [] : [...Deno.readDirSync("/proc/" + pid + "/fd")].flatMap(({ name }) => {
        try {
          return [Deno.readLinkSync("/proc/" + pid + "/fd/" + name)];
        } catch {
          return [];
        }
      });
      family.push({
        pid,
        program: stat.slice(stat.indexOf("(") + 1, nameEnd),
        arguments: read(pid + "/cmdline").split("\\0").slice(1, -1),
        state: fields[0],
        cpuSeconds: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100,
        memory: { resident: mebibytes("VmRSS"), anonymous: mebibytes("RssAnon") },
        openFiles: files.length,
        udpSockets: files.filter((file) => udp.has(file)).length,
      });
      for (const { name } of Deno.readDirSync("/proc/" + pid + "/task")) {
        for (const child of read(pid + "/task/" + name + "/children").split(" ").filter(Boolean)) visit(Number(child));
      }
    } catch {} // it has ended meanwhile
  };
  visit(Number(Deno.args[0]));
  console.log(JSON.stringify(family));
`;
