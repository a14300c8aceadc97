/**
 * A whole server without a socket: real store, stream and ffmpeg, the embedded model's folder, and an engine that needs no
 * model. Tests talk to it as HTTP does.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { encodePng } from "../src/image.ts";
import { createLog } from "../src/log.ts";
import { type AppOptions, createApp } from "../src/routes/mod.ts";
import {
  Device,
  Histogram,
  Models,
  type SessionEvent,
  Sessions,
  type SessionsOptions,
  SessionStore,
  type SessionView,
} from "../src/session/mod.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface ServerOptions {
  readonly engine?: Engine;
  /** Several, on `GPU 0`, `GPU 1` and so on. */
  readonly engines?: readonly Engine[];
  readonly queueLimit?: number;
  /** Of an earlier server; removed by whoever made it. */
  readonly dataDir?: string;
  readonly allowedOrigins?: readonly string[];
  readonly basePath?: string;
  /** Folder of LoRA files; none when left out. */
  readonly lorasDir?: string;
  readonly trustedProxies?: readonly string[];
  readonly iceServers?: AppOptions["iceServers"];
  readonly tools?: Partial<SessionsOptions["tools"]>;
}

export interface TestServer extends AsyncDisposable {
  readonly dataDir: string;
  readonly sessions: Sessions;
  /** @param peerAddress of the connection it comes over */
  request(path: string, init?: RequestInit, peerAddress?: string): Promise<Response>;
  /** Asks for a video of the embedded model's size. */
  start(settings?: Record<string, string>): Promise<SessionView>;
  view(id: string): Promise<SessionView>;
  /** The first event of the session's log that fits; the log is read from its start. */
  event(id: string, fits: (event: SessionEvent) => boolean): Promise<SessionEvent>;
  /** Ends the server in good order; its folder stays. */
  stop(): Promise<void>;
  /** Waits for the end. */
  ended(id: string): Promise<SessionView>;
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? await mkdtemp(join(tmpdir(), "framecast-"));
  const log = createLog({ level: "silent" });
  const store = new SessionStore(join(dataDir, "sessions.sqlite"));
  const engines = options.engines?.map((engine, index) => ({ engine, device: new Device(`GPU ${index}`, log) })) ??
    [{ engine: options.engine ?? createTestPatternEngine(), device: new Device("CPU", log) }];
  const models = new Models({
    modelsDir: join(root, "models"),
    lorasDir: options.lorasDir ?? join(dataDir, "loras"),
    defaultModel: "emoji",
    host: "127.0.0.1",
    devices: engines.map(({ device }) => device),
    store,
    log,
  });
  const sessions = await Sessions.open({
    dataDir,
    queueLimit: options.queueLimit ?? 20,
    engines,
    models,
    store,
    tools: {
      ffmpeg: await findFfmpeg(),
      network: { hostAddresses: ["127.0.0.1"] },
      limits: { viewers: 200, viewersPerAddress: 50 },
      ...options.tools,
    },
    log,
    now: Date.now,
  });
  const app = createApp({
    sessions,
    models,
    version: "0.0.0-test",
    eventLoop: { delays: new Histogram([0.1]).counts },
    memory: Deno.memoryUsage,
    staticDir: join(root, "static"),
    modelsDir: join(root, "models"),
    basePath: options.basePath ?? "",
    trustedProxies: options.trustedProxies ?? [],
    iceServers: options.iceServers ?? [],
    allowedHosts: [],
    allowedOrigins: options.allowedOrigins ?? [],
    log,
  });
  const request = async (path: string, init?: RequestInit, hostname = "127.0.0.1") =>
    await app.request(path, init, { remoteAddr: { transport: "tcp", hostname, port: 50000 } });
  const event = async (id: string, fits: (event: SessionEvent) => boolean) => {
    for await (const entry of sessions.events(id, 0, new AbortController().signal)) if (fits(entry)) return entry;
    throw new Error(`The log of ${id} ended without the event`);
  };
  let stopping: Promise<void> | undefined;
  const stop = () => stopping ??= sessions[Symbol.asyncDispose]().then(() => store[Symbol.dispose]());
  return {
    dataDir,
    sessions,
    request,
    async start(settings = {}) {
      const response = await request("/api/sessions", { method: "POST", body: await sessionForm(settings) });
      assert.equal(response.status, 202, await response.clone().text());
      return await response.json();
    },
    view: async (id) => await (await request(`/api/sessions/${id}`)).json(),
    event,
    async ended(id) {
      const end = await event(
        id,
        ({ event, data }) => event === "state" && !["queued", "running"].includes(data.state),
      );
      return end.data as SessionView;
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      if (!options.dataDir) await rm(dataDir, { recursive: true });
    },
  };
}

/** A form with a small picture and these settings. */
export async function sessionForm(settings?: Record<string, string>, image?: Blob): Promise<FormData> {
  const form = new FormData();
  form.append("image", image ?? new Blob([await encodePng(gradient(128, 96))], { type: "image/png" }), "start.png");
  for (const [name, value] of Object.entries(settings ?? {})) form.append(name, value);
  return form;
}

function gradient(widthPx: number, heightPx: number) {
  const pixels = Uint8Array.from({ length: widthPx * heightPx * 3 }, (_, i) => i % 251);
  return { widthPx, heightPx, pixels };
}
