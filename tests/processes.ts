/**
 * Processes that the tests did not start themselves. Deno reads `/proc` only with every permission, so a deno with every
 * permission is asked.
 * @module
 */

/** Whether this computer tells who is whose child. */
export const canSeeProcesses: boolean = Deno.build.os === "linux";

/** A process as the system lists it. */
export interface SystemProcess {
  readonly pid: number;
  readonly arguments: readonly string[];
}

/** Children of a process, and theirs. */
export async function descendantsOf(pid: number): Promise<SystemProcess[]> {
  return JSON.parse(
    await ask(`
      const found = [];
      const pids = [${pid}];
      while (pids.length) {
        const parent = pids.pop();
        try {
          for (const { name } of Deno.readDirSync("/proc/" + parent + "/task")) {
            const children = Deno.readTextFileSync("/proc/" + parent + "/task/" + name + "/children");
            pids.push(...children.split(" ").filter(Boolean).map(Number));
          }
          const line = Deno.readTextFileSync("/proc/" + parent + "/cmdline");
          if (parent !== ${pid}) found.push({ pid: parent, arguments: line.split("\\0").slice(0, -1) });
        } catch {} // it has ended
      }
      console.log(JSON.stringify(found));
    `),
  );
}

/** Those of the processes that still run after so many seconds; answers as soon as none does. A zombie does not run. */
export async function stillRunningAfter(
  seconds: number,
  processes: readonly SystemProcess[],
): Promise<SystemProcess[]> {
  const alive: number[] = JSON.parse(
    await ask(`
      const runs = (pid) => {
        try {
          const isZombie = /^State:\\s+[ZX]/m.test(Deno.readTextFileSync("/proc/" + pid + "/status"));
          const threads = [...Deno.readDirSync("/proc/" + pid + "/task")].length;
          return !isZombie || threads > 1; // its files are open until the last thread has ended
        } catch {
          return false;
        }
      };
      const deadline = performance.now() + ${seconds * 1000};
      let alive = ${JSON.stringify(processes.map(({ pid }) => pid))};
      while ((alive = alive.filter(runs)).length > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(JSON.stringify(alive));
    `),
  );
  return processes.filter(({ pid }) => alive.includes(pid));
}

/** Runs a script with every permission and gives back what it prints. */
async function ask(script: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
