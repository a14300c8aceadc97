/**
 * The whole server as a user starts it: the command of `deno task start` in a process of its own, on a free port, with a
 * data folder of its own. Tests talk to it over HTTP.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionEvent, SessionView } from "../src/session/mod.ts";
import { sessionForm } from "./server_fixture.ts";
import { root, taskCommand } from "./task_command.ts";

export interface ServerProcessOptions {
  /** Settings; the port is a free one and the log is silent unless they say otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of an earlier server; removed by whoever made it. */
  readonly dataDir?: string;
}

/** Disposing ends it with SIGTERM and waits for its end. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it prints when it listens. */
  readonly firstLine: string;
  readonly dataDir: string;
  /** Resolves when it has ended. */
  readonly status: Promise<Deno.CommandStatus>;
  signal(signal: Deno.Signal): void;
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Asks for a video. */
  start(settings?: Readonly<Record<string, string>>, image?: Blob): Promise<SessionView>;
  view(id: string): Promise<SessionView>;
  /** The first event of the session's log that fits; the log is read from its start. */
  event(id: string, fits: (event: SessionEvent) => boolean): Promise<SessionEvent>;
  /** Waits for the session's end. */
  ended(id: string): Promise<SessionView>;
}

/** Resolves when the server listens. Throws what it printed when it ends before that. */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? await mkdtemp(join(tmpdir(), "framecast-server-"));
  const env = {
    FRAMECAST_PORT: "0",
    FRAMECAST_LOG_LEVEL: "silent",
    FRAMECAST_DATA_DIR: dataDir,
    NO_COLOR: "1",
    ...options.env,
  };
  const { program, args } = await taskCommand("start", env);
  const child = new Deno.Command(program, { args: [...args], cwd: root, env, stdout: "piped", stderr: "piped" })
    .spawn();
  const stderr = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  const { firstLine, rest } = await readFirstLine(lines);
  if (firstLine === "") {
    await child.status;
    if (!options.dataDir) await rm(dataDir, { recursive: true });
    throw new Error(`The server did not start: ${await stderr}`);
  }
  const url = /https?:\/\/\S+/.exec(firstLine)?.[0] ?? "";
  return {
    pid: child.pid,
    firstLine,
    dataDir,
    status: child.status,
    signal: (signal) => child.kill(signal),
    ...sessionCalls((path, init) => fetch(new URL(path, url), init)),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch { // it has ended already
      }
      await Promise.all([child.status, stderr, rest]);
      if (!options.dataDir) await rm(dataDir, { recursive: true });
    },
  };
}

/** @returns the line without its end, "" when the stream ended before one; `rest` resolves at the stream's end */
async function readFirstLine(
  lines: ReadableStream<string>,
): Promise<{ readonly firstLine: string; readonly rest: Promise<void> }> {
  const reader = lines.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) return { firstLine: "", rest: Promise.resolve() };
    text += value;
  }
  const drain = async () => {
    while (!(await reader.read()).done);
  };
  return { firstLine: text.split("\n")[0]!, rest: drain() };
}

type Request = ServerProcess["request"];

function sessionCalls(request: Request): Pick<ServerProcess, "request" | "start" | "view" | "event" | "ended"> {
  const event: ServerProcess["event"] = async (id, fits) => {
    for await (const entry of eventsOf(await request(`/api/sessions/${id}/events`))) if (fits(entry)) return entry;
    throw new Error(`The log of ${id} ended without the event`);
  };
  return {
    request,
    event,
    async start(settings, image) {
      const response = await request("/api/sessions", { method: "POST", body: await sessionForm(settings, image) });
      assert.equal(response.status, 202, await response.clone().text());
      return await response.json();
    },
    view: async (id) => await (await request(`/api/sessions/${id}`)).json(),
    async ended(id) {
      const isEnd = ({ event, data }: SessionEvent) => event === "state" && !["queued", "running"].includes(data.state);
      return (await event(id, isEnd)).data as SessionView;
    },
  };
}

/** Server-sent events (HTML standard, section 9.2) until the stream ends or the reader leaves. */
async function* eventsOf(response: Response): AsyncGenerator<SessionEvent> {
  assert.equal(response.status, 200);
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text += part).split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
      if (fields.event) yield { id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
