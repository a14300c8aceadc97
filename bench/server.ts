/**
 * The product's own server as `deno task start` runs it, on a free port and with a data folder of its own.
 * @module
 */
import type { ModelView, SessionEvent, SessionView } from "../src/session/mod.ts";
import { root, taskCommand } from "../tests/task_command.ts";
import { linesOf } from "./lines.ts";
import { type MemoryMebibytes, memoryOf, pidRunning } from "./processes.ts";

export interface BenchServer extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly address: string;
  readonly pid: number;
  /** Asks for a video of the server's model: of its first example, or, where it has none, from noise. */
  start(settings: Readonly<Record<string, string>>): Promise<SessionView>;
  /** The session's log from its start, until it ends. */
  events(id: string): AsyncIterable<SessionEvent>;
  view(id: string): Promise<SessionView>;
  ended(id: string): Promise<SessionView>;
  /** Of the server and of its engine process. */
  memory(): Promise<{ readonly server: MemoryMebibytes; readonly engine: MemoryMebibytes }>;
}

/**
 * Resolves when the model is ready: one short video has been made.
 * @param settings of the server, by the names of its environment
 * @param first settings of that video
 */
export async function startBenchServer(
  settings: Readonly<Record<string, string>> = {},
  first: Readonly<Record<string, string>> = { durationSeconds: "1" },
): Promise<BenchServer> {
  const dataDir = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  const env = {
    FRAMECAST_PORT: "0",
    FRAMECAST_DATA_DIR: dataDir,
    FRAMECAST_LOG_LEVEL: "error",
    NO_COLOR: "1",
    ...settings,
  };
  const { program, args } = await taskCommand("start", env);
  const process = new Deno.Command(program, {
    args: Deno.env.has("LD_LIBRARY_PATH") ? args.map(withoutList) : [...args],
    cwd: root,
    env,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { pid } = process;
  const lines = linesOf(process.stdout)[Symbol.asyncIterator]();
  const address = (await lines.next()).value?.match(/http:\S+/)?.[0].replace(/\/$/, "");
  if (!address) throw new Error("The server did not start");
  const server: BenchServer = {
    address,
    pid,
    start: (settings) => startSession(address, settings),
    events: (id) => eventsOf(address, id),
    view: async (id) => await (await fetch(`${address}/api/sessions/${id}`)).json(),
    ended: (id) => endOf(eventsOf(address, id)),
    memory: async () => ({ server: await memoryOf(pid), engine: await memoryOf(await pidRunning("host.ts")) }),
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
      await Deno.remove(dataDir, { recursive: true });
    },
  };
  try {
    await server.ended((await server.start(first)).id);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** Deno starts no program from a list while the loader is told of folders, as it may be of a GPU's libraries. */
const withoutList = (permission: string) => permission.replace(/^(--allow-run)=.*/, "$1");

async function startSession(address: string, settings: Readonly<Record<string, string>>): Promise<SessionView> {
  const models: readonly ModelView[] = await (await fetch(`${address}/api/models`)).json();
  const [example] = models.find(({ isDefault }) => isDefault)?.examples ?? [];
  const form = new FormData();
  if (example) form.append("image", await (await fetch(new URL(example.image, address))).blob(), "start.png");
  const own = example ? { prompt: example.prompt } : { prompt: "The girl dances.", start: "noise" };
  for (const [name, value] of Object.entries({ ...own, ...settings })) form.append(name, value);
  const response = await fetch(`${address}/api/sessions`, { method: "POST", body: form });
  if (response.status !== 202) throw new Error(`The server refused: ${await response.text()}`);
  return await response.json();
}

async function* eventsOf(address: string, id: string): AsyncGenerator<SessionEvent> {
  const response = await fetch(`${address}/api/sessions/${id}/events`);
  let [event, eventId] = ["", 0];
  for await (const line of linesOf(response.body!)) {
    const [field, ...rest] = line.split(": ");
    const value = rest.join(": ");
    if (field === "id") eventId = Number(value);
    if (field === "event") event = value;
    if (field === "data") yield { id: eventId, event, data: JSON.parse(value) } as SessionEvent;
  }
}

async function endOf(events: AsyncIterable<SessionEvent>): Promise<SessionView> {
  for await (const { event, data } of events) {
    if (event !== "state" || data.state === "queued" || data.state === "running") continue;
    if (data.state !== "completed") throw new Error(`The session ended ${data.state}: ${data.problem?.detail}`);
    return data;
  }
  throw new Error("The events ended before the session");
}
