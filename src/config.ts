/**
 * Every setting of the server, read once from the environment: the only reader of `Deno.env`.
 * `.env.example` lists the same names with the same defaults.
 * @module
 */
import { isIP } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { iceServers } from "./ice_config.ts";
import { logLevels } from "./log.ts";

/** A bad setting. The message names every bad variable, its value and what it must be, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

function wholeNumber(least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`;
  return z.string().regex(/^\d{1,9}$/, message).transform(Number).refine((n) => n >= least && n <= most, message);
}

const bytesOfUnit = { MB: 1e6, GB: 1e9, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** Undefined for no text. */
const size = z.string().regex(/^$|^\d{1,6}(\.\d{1,3})? ?[MG]i?B$/, "must be a size such as 6GiB, 5.5GB or 512MiB")
  .transform((text) => {
    const [, number, unit] = /^([\d.]+) ?(\w+)$/.exec(text) ?? [];
    return unit === undefined ? undefined : Math.round(Number(number) * bytesOfUnit[unit as keyof typeof bytesOfUnit]);
  });

const countOrNothing = z.string().regex(/^\d{0,4}$/, "must be a whole number").transform((text) =>
  text === "" ? undefined : Number(text)
);

const path = z.string().min(1, "must be a path");
const pathOrNothing = z.string().transform((text) => text === "" ? undefined : text);
const commaList = z.string().transform((text) => text.split(",").map((item) => item.trim()).filter(Boolean));
const origins = commaList.refine(
  (list) => list.every((item) => item === "*" || (URL.canParse(item) && new URL(item).origin === item)),
  "must be origins such as https://studio.example, separated by commas, or *",
);
const portRange = z.string().regex(/^$|^\d{1,5}-\d{1,5}$/, "must be two ports such as 50000-50100")
  .transform((text) => text === "" ? undefined : text.split("-").map(Number) as [number, number])
  .refine((range) => !range || (range[0] >= 1 && range[0] <= range[1] && range[1] <= 65535), {
    message: "must be two ports such as 50000-50100, the lower first",
  });

const deviceWords = "must be auto, cpu, cuda or cuda:1, or several GPUs such as cuda:0,cuda:1";

/** One device, or several GPUs. */
const devices = z.string().transform((text) => text.split(",").map((item) => item.trim()))
  .refine((items) => items.every((item) => /^(auto|cpu|cuda(:\d{1,2})?)$/.test(item)), {
    error: deviceWords,
    abort: true,
  })
  .transform((items) => items.map(readDevice))
  .refine((list) => list.length === 1 || list.every(({ kind }) => kind === "cuda"), { error: deviceWords, abort: true })
  .refine((list) => new Set(list.map((device) => JSON.stringify(device))).size === list.length, {
    error: "must name each GPU once",
  });

function readDevice(text: string) {
  const [kind, index = "0"] = text.split(":") as ["auto" | "cpu" | "cuda", string?];
  return kind === "cuda" ? { kind, index: Number(index) } : { kind };
}

const basePath = z.string().regex(
  /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*$/,
  "must be empty or a path such as /framecast, without a slash at its end",
);

const proxies = commaList.refine(
  (list) => list.every(isAddressOrNetwork),
  "must be addresses or networks such as 127.0.0.1 or 172.16.0.0/12, separated by commas",
);

function isAddressOrNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const family = isIP(address);
  const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  return family !== 0 && isPrefix && more === undefined;
}

function isHost(text: string): boolean {
  return /^(\*\.)?([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(text);
}

/** Each variable and its meaning; `prefault` is the default as it would stand in the environment. */
export const environmentVariables = z.object({
  FRAMECAST_HOST: z.string().min(1, "must be an address or a host name").prefault("127.0.0.1"),
  /** 0: any free port. */
  FRAMECAST_PORT: wholeNumber(0, 65535).prefault("8000"),
  /** Path below which everything lies, for a proxy that passes it on unchanged. */
  FRAMECAST_BASE_PATH: basePath.prefault(""),
  FRAMECAST_DATA_DIR: path.prefault("data"),
  FRAMECAST_MODELS_DIR: path.prefault("models"),
  FRAMECAST_MODEL: z.string().regex(/^[\w.-]+$/, "must be the name of a folder in FRAMECAST_MODELS_DIR")
    .prefault("emoji"),
  /** LoRA files for every model, besides those in `loras/` of a model's folder. */
  FRAMECAST_LORAS_DIR: path.prefault("loras"),
  FRAMECAST_ENGINE: z.enum(["framepack", "test-pattern"]).prefault("framepack"),
  /** Empty: look in PATH, then in the npm package that carries a binary. */
  FRAMECAST_FFMPEG: pathOrNothing.prefault(""),
  /** Of finished videos. auto: NVENC where an engine is on a GPU and it works there, else x264. */
  FRAMECAST_FILE_ENCODER: z.enum(["auto", "libx264", "h264_nvenc"]).prefault("auto"),
  /** Empty: the library that npm:onnxruntime-node ships. */
  FRAMECAST_ORT_LIBRARY: pathOrNothing.prefault(""),
  /** Of each GPU's memory, the most that may be taken. Empty: whatever is free. */
  FRAMECAST_VRAM_LIMIT: size.prefault(""),
  /** Of each GPU's free memory, what is left for other programs. */
  FRAMECAST_VRAM_RESERVE: size.refine((bytes) => bytes !== undefined, "must be a size such as 256MiB or 0GB")
    .prefault("256MiB"),
  /** Exactly so many of the transformer's blocks are copied to the GPU in every step. Empty: as few as possible. */
  FRAMECAST_STREAMED_BLOCKS: countOrNothing.prefault(""),
  /** One engine for each. auto: the first GPU where there is one that can be used, else the CPU. */
  FRAMECAST_DEVICE: devices.prefault("auto"),
  FRAMECAST_QUEUE_LIMIT: wholeNumber(1, 1000).prefault("20"),
  /** Addresses written into every WebRTC answer besides those of the network interfaces. */
  FRAMECAST_ICE_ADDRESSES: commaList.prefault("127.0.0.1"),
  /** Empty: any free port. One per viewer. */
  FRAMECAST_UDP_PORTS: portRange.prefault(""),
  /** Whether viewers may come over TCP where UDP is blocked. */
  FRAMECAST_ICE_TCP: z.enum(["off", "on"]).prefault("off"),
  /** STUN and TURN servers that viewers are told of. */
  FRAMECAST_ICE_SERVERS: iceServers.prefault(""),
  /** Who may watch one session or channel at a time, all together and from one address. */
  FRAMECAST_VIEWERS: wholeNumber(1, 100_000).prefault("200"),
  FRAMECAST_VIEWERS_PER_ADDRESS: wholeNumber(1, 100_000).prefault("50"),
  /** Addresses or networks of proxies that are believed when they name a client (`X-Forwarded-For`). */
  FRAMECAST_TRUSTED_PROXIES: proxies.prefault(""),
  /** Names this server may be called by, besides addresses, `localhost`, `*.local` and names without a dot. */
  FRAMECAST_ALLOWED_HOSTS: commaList.prefault(""),
  /** Other web pages that may use the API from a browser. */
  FRAMECAST_ALLOWED_ORIGINS: origins.prefault(""),
  /** Hosts that `pull` may call besides the hub's own, where a mirror sends its files from elsewhere. */
  FRAMECAST_HUB_HOSTS: commaList.refine(
    (list) => list.every(isHost),
    "must be hosts such as cdn.example:8443, separated by commas",
  )
    .prefault(""),
  FRAMECAST_LOG_LEVEL: z.enum(logLevels).prefault("info"),
});

/** Parsed environment, frozen, in the words of the code. */
export type Config = ReturnType<typeof readConfig>;

/**
 * @param environment names and values, as `Deno.env.toObject()` gives them; names that do not begin with `FRAMECAST_` are
 *   ignored
 * @throws `ConfigError` naming every bad variable
 */
export function readConfig(environment: Readonly<Record<string, string>>) {
  const parsed = environmentVariables.safeParse(environment);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => {
        const variable = issue.path.join(".");
        return `${variable}="${environment[variable]}" ${sentence(issue)}`;
      }).join("\n"),
    );
  }
  const values = parsed.data;
  return Object.freeze({
    host: values.FRAMECAST_HOST,
    port: values.FRAMECAST_PORT,
    basePath: values.FRAMECAST_BASE_PATH,
    dataDir: values.FRAMECAST_DATA_DIR,
    modelsDir: values.FRAMECAST_MODELS_DIR,
    defaultModel: values.FRAMECAST_MODEL,
    lorasDir: values.FRAMECAST_LORAS_DIR,
    engine: values.FRAMECAST_ENGINE,
    ffmpegPath: values.FRAMECAST_FFMPEG,
    fileEncoder: values.FRAMECAST_FILE_ENCODER,
    ortLibraryPath: values.FRAMECAST_ORT_LIBRARY,
    vram: {
      limitBytes: values.FRAMECAST_VRAM_LIMIT,
      reserveBytes: values.FRAMECAST_VRAM_RESERVE,
      streamedBlocks: values.FRAMECAST_STREAMED_BLOCKS,
    },
    /** At least one. */
    devices: values.FRAMECAST_DEVICE,
    queueLimit: values.FRAMECAST_QUEUE_LIMIT,
    iceAddresses: values.FRAMECAST_ICE_ADDRESSES,
    udpPorts: values.FRAMECAST_UDP_PORTS,
    iceTcp: values.FRAMECAST_ICE_TCP,
    iceServers: values.FRAMECAST_ICE_SERVERS,
    limits: { viewers: values.FRAMECAST_VIEWERS, viewersPerAddress: values.FRAMECAST_VIEWERS_PER_ADDRESS },
    trustedProxies: values.FRAMECAST_TRUSTED_PROXIES,
    allowedHosts: values.FRAMECAST_ALLOWED_HOSTS,
    allowedOrigins: values.FRAMECAST_ALLOWED_ORIGINS,
    hubHosts: values.FRAMECAST_HUB_HOSTS,
    logLevel: values.FRAMECAST_LOG_LEVEL,
    /** Names that look like settings and are none: a typing error somebody wants to hear of. */
    unknownVariables: Object.keys(environment).filter((name) =>
      name.startsWith("FRAMECAST_") && !(name in environmentVariables.shape)
    ),
  });
}

/** Where Hugging Face's programs keep models on this computer, and how they reach the hub. */
export interface HubConfig {
  /** Folder of repositories. */
  readonly cacheDir: string;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Where logging in left a token; undefined when that must not be used. */
  readonly tokenFile: string | undefined;
  readonly network: "online" | "offline";
}

/**
 * The ecosystem's own variables, with its defaults (huggingface_hub, `constants.py`). An empty one counts as not set.
 * @throws `ConfigError`
 */
export function readHubConfig(environment: Readonly<Record<string, string>>): HubConfig {
  const first = (...names: string[]) =>
    names.map((name) => environment[name]).find((text) => text !== undefined && text !== "");
  const isOn = (...names: string[]) => /^(1|on|yes|true)$/i.test(first(...names) ?? "");
  const user = first("HOME", "USERPROFILE") ?? ".";
  const place = (text: string) =>
    text.replace(/^~(?=$|[\\/])/, user).replace(/\$(\w+)|\$\{(\w+)\}/g, (whole, a, b) => environment[a ?? b] ?? whole);
  const home = place(first("HF_HOME") ?? join(first("XDG_CACHE_HOME") ?? join(user, ".cache"), "huggingface"));
  const endpoint = first("HF_ENDPOINT") ?? "https://huggingface.co";
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new ConfigError(`HF_ENDPOINT="${endpoint}" must be an address such as https://huggingface.co`);
  }
  const token = first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")?.trim();
  if (token && !/^[!-~]+$/.test(token)) throw new ConfigError("HF_TOKEN must be printable ASCII without spaces");
  const isImplicit = !isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN");
  return Object.freeze({
    cacheDir: place(first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub")),
    endpoint: endpoint.replace(/\/+$/, ""),
    token: isImplicit && token ? token : undefined,
    tokenFile: isImplicit ? place(first("HF_TOKEN_PATH") ?? join(home, "token")) : undefined,
    network: isOn("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") ? "offline" : "online",
  });
}

/** @throws `ConfigError` */
export function hubConfigFromEnvironment(): HubConfig {
  return readHubConfig(Deno.env.toObject());
}

/** The configuration of this process. @throws `ConfigError` */
export function configFromEnvironment(): Config {
  return readConfig(Deno.env.toObject());
}

/** Where a command was typed: `deno task` runs it in the repository and leaves the folder in `INIT_CWD`. */
export function folderTypedIn(): string {
  return Deno.env.get("INIT_CWD") ?? Deno.cwd();
}

/** Where Linux's loader looks for libraries before anywhere else. */
export function loaderFolders(): string[] {
  return (Deno.env.get("LD_LIBRARY_PATH") ?? "").split(":").filter(Boolean);
}

function sentence(issue: z.core.$ZodIssue): string {
  return issue.code === "invalid_value" ? `must be one of ${issue.values.join(", ")}` : issue.message;
}
