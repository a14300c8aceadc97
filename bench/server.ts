/**
 * The product's own server as `deno task start` runs it, on a free port and with a data folder of its own.
 * @module
 */
import type { SessionEvent, SessionView } from "../src/session/mod.ts";
import { root, taskCommand } from "../tests/task_command.ts";
import { linesOf } from "./lines.ts";
import { type MemoryMebibytes, memoryOf, pidRunning } from "./processes.ts";

export interface BenchServer extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly address: string;
  readonly pid: number;
  /** Asks for a video of the embedded model's first example. */
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
 */
export async function startBenchServer(settings: Readonly<Record<string, string>> = {}): Promise<BenchServer> {
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
    args: [...args],
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
  await server.ended((await server.start({ durationSeconds: "1" })).id);
  return server;
}

async function startSession(address: string, settings: Readonly<Record<string, string>>): Promise<SessionView> {
  const [model] = await (await fetch(`${address}/api/models`)).json();
  const [example] = model.examples;
  const picture = await (await fetch(new URL(example.image, address))).blob();
  const form = new FormData();
  form.append("image", picture, "start.png");
  for (const [name, value] of Object.entries({ prompt: example.prompt, ...settings })) form.append(name, value);
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
