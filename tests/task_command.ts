/**
 * The commands of `deno.json`, to be started without a shell: the same program, the same permission lists, one process.
 * @module
 */
import { fileURLToPath } from "node:url";

/** Where tasks run. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

const tasks: Readonly<Record<string, { readonly command: string }>> = JSON.parse(
  await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
).tasks;

/**
 * Program and arguments of a task, its `$(…)` run with the same environment, as the task's shell would.
 * @param env on top of the environment of the tests
 */
export async function taskCommand(
  task: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly program: string; readonly args: readonly string[] }> {
  const words: string[] = [];
  for (const [, quoted, bare] of tasks[task]!.command.matchAll(/"([^"]*)"|(\S+)/g)) {
    words.push(await substituted((quoted ?? bare)!, env));
  }
  const [program, ...args] = words;
  if (program !== "deno") throw new Error(`The task ${task} starts ${program}, not deno`);
  return { program: Deno.execPath(), args };
}

const printed = new Map<string, Promise<string>>();

/** Replaces `$(deno …)` by what it prints. */
async function substituted(word: string, env: Readonly<Record<string, string>>): Promise<string> {
  const [whole, command] = /\$\(deno ([^)]*)\)/.exec(word) ?? [];
  if (!whole) return word;
  const key = JSON.stringify([command, env]);
  if (!printed.has(key)) printed.set(key, outputOf(command!, env));
  return word.replace(whole, await printed.get(key)!);
}

async function outputOf(command: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: command.split(" "),
    cwd: root,
    env: { ...env },
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`deno ${command} failed`);
  return new TextDecoder().decode(stdout);
}

/** What a process left when it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a task to its end. */
export async function runTask(
  task: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const command = await taskCommand(task, env);
  const { code, stdout, stderr } = await new Deno.Command(command.program, {
    args: [...command.args, ...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
