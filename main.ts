/**
 * The server, wired by hand: settings → ffmpeg → engines → sessions → app → `Deno.serve`, and back down in that order.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "./deno.json" with { type: "json" };
import { type Config, ConfigError, configFromEnvironment } from "./src/config.ts";
import { type DeviceChoice, deviceName, hasCudaProvider, possibleGpu } from "./src/engine/device_choice.ts";
import type { Engine } from "./src/engine/mod.ts";
import { createProcessEngine } from "./src/engine/process_engine.ts";
import { createTestPatternEngine } from "./src/engine/test_pattern.ts";
import { type Ffmpeg, FfmpegError, findFfmpeg } from "./src/ffmpeg.ts";
import { createLog } from "./src/log.ts";
import { createApp, EventLoopWatch } from "./src/routes/mod.ts";
import {
  chooseFileEncoder,
  EncoderError,
  type FileEncoder,
  type NetworkOptions,
  systemClock,
} from "./src/stream/mod.ts";
import { Device, Models, Sessions, SessionStore } from "./src/session/mod.ts";

/** One sentence for whoever started the server; no stack. */
class StartError extends Error {
  override readonly name = "StartError";
}

async function main(): Promise<void> {
  const config = configFromEnvironment();
  const log = createLog({ level: config.logLevel });
  for (const name of config.unknownVariables) log.warn("config.unknown", { name });
  const ffmpeg = await findFfmpeg({ configured: config.ffmpegPath });
  const hasProvider = hasCudaProvider(config.ortLibraryPath);
  const fileEncoder = await encoderOf(config, ffmpeg, hasProvider);
  const stop = stopSignal();
  const close = new AbortController();
  const handler = Promise.withResolvers<Deno.ServeHandler>();
  // The address first: a second server must not touch what belongs to the one that has it.
  const server = listen(async (request, info) => (await handler.promise)(request, info), config, close.signal);
  using store = await openStore(config.dataDir);
  const engines = config.devices.map((choice) => ({
    engine: createEngine(choice, config),
    device: new Device(deviceName(choice, hasProvider), log),
  }));
  const models = new Models({ ...config, devices: engines.map(({ device }) => device), store, log });
  const sessions = await Sessions.open({
    ...config,
    engines,
    models,
    store,
    tools: { ffmpeg, fileEncoder, network: networkOf(config), limits: config.limits },
    log,
    now: Date.now,
  });
  using eventLoop = new EventLoopWatch(systemClock);
  const app = createApp({
    ...config,
    allowedHosts: [...config.allowedHosts, config.host],
    ...{ sessions, models, eventLoop, staticDir, log },
    version: denoJson.version,
    memory: Deno.memoryUsage,
  });
  handler.resolve(app.fetch);
  print(`framecast listens on ${urlOf(server.addr as Deno.NetAddr)}${config.basePath}`);
  log.info("server.stopping", { signal: await stop });
  await sessions[Symbol.asyncDispose]();
  close.abort();
  await server.finished;
}

const staticDir = fileURLToPath(new URL("static", import.meta.url));

function listen(handler: Deno.ServeHandler, { host, port }: Config, signal: AbortSignal): Deno.HttpServer {
  try {
    return Deno.serve({ hostname: host, port, signal, onListen: () => {} }, handler);
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new StartError(`Port ${port} of ${host} is in use: set FRAMECAST_PORT to another, or end what uses it`, {
        cause,
      });
    }
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      throw new StartError(`FRAMECAST_HOST="${host}" is no address of this computer`, { cause });
    }
    throw cause;
  }
}

function urlOf({ hostname, port }: Deno.NetAddr): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => ++count > 1 ? Deno.exit(130) : resolve(signal));
  }
  return promise;
}

async function openStore(dataDir: string): Promise<SessionStore> {
  try {
    await mkdir(dataDir, { recursive: true });
    return new SessionStore(join(dataDir, "sessions.sqlite"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`Cannot use FRAMECAST_DATA_DIR="${dataDir}": ${why}`, { cause });
  }
}

function networkOf({ iceAddresses, udpPorts, iceTcp }: Config): NetworkOptions {
  const tcp = iceTcp === "on" ? "offered" : "refused";
  return { hostAddresses: iceAddresses, tcp, ...(udpPorts ? { portRange: udpPorts } : {}) };
}

async function encoderOf({ fileEncoder, devices }: Config, ffmpeg: Ffmpeg, hasProvider: boolean): Promise<FileEncoder> {
  const gpus = devices.flatMap((choice) => possibleGpu(choice, hasProvider) ?? []);
  try {
    return await chooseFileEncoder(ffmpeg, fileEncoder, gpus[0]);
  } catch (cause) {
    if (!(cause instanceof EncoderError)) throw cause;
    throw new StartError(`${cause.message}. Set FRAMECAST_FILE_ENCODER to auto or libx264`, { cause });
  }
}

function createEngine(device: DeviceChoice, { engine, ortLibraryPath, vram }: Config): Engine {
  if (engine === "test-pattern") return createTestPatternEngine({ secondsPerStep: 0.1, secondsPerDecode: 0.3 });
  return createProcessEngine({
    device,
    vram,
    idleThreads: "sleep",
    ...(ortLibraryPath ? { libraryPath: ortLibraryPath } : {}),
  });
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const known = [StartError, ConfigError, FfmpegError].some((kind) => error instanceof kind);
    const text = error instanceof Error ? (known ? error.message : error.stack ?? error.message) : String(error);
    Deno.stderr.writeSync(new TextEncoder().encode(`framecast cannot start. ${text}\n`));
    Deno.exit(1);
  }
}
