/**
 * Prints one permission list for the tasks of `deno.json`, since these few depend on the machine:
 * `net` (loopback, private networks, and whatever addresses this machine has of its own), `net-hub` (Hugging Face, or the
 * mirror that is named instead), `net-port` (where the server would listen), `run` (deno itself and the ffmpegs that may be
 * found), `run-doctor` (nvidia-smi and those ffmpegs), `write-data` (the data folder) and `write-here` (where the command
 * was typed, and temporary files).
 * @module
 */
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";

/** Where `@ffmpeg-installer/ffmpeg` will say its program lies, installed or not yet. */
async function packagedFfmpeg(): Promise<string | undefined> {
  const lock: { readonly npm?: Record<string, unknown> } = JSON.parse(
    await Deno.readTextFile(new URL("deno.lock", import.meta.url)),
  );
  const installer = Object.keys(lock.npm ?? {}).find((key) => key.startsWith("@ffmpeg-installer/ffmpeg@"));
  const { os, arch } = Deno.build;
  const platform = `${os === "windows" ? "win32" : os}-${arch === "aarch64" ? "arm64" : "x64"}`;
  const program = os === "windows" ? "ffmpeg.exe" : "ffmpeg";
  const modules = installer && join("node_modules", ".deno", installer.replace("/", "+"), "node_modules");
  return modules && join(modules, "@ffmpeg-installer", platform, program);
}

const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]; // RFC 1918, RFC 3927

/** Browsers on this machine reach a live picture from its own addresses. Those of one link only (RFC 4291) need a zone. */
function ownAddresses(): string[] {
  return Deno.networkInterfaces().filter(({ address }) => !/^fe80:/i.test(address))
    .map(({ family, address }) => family === "IPv6" ? `[${address}]` : address);
}

/** The program, where there is one: Deno complains about names in a list that it cannot find. */
async function onPath(program: string): Promise<string | undefined> {
  const file = Deno.build.os === "windows" ? `${program}.exe` : program;
  for (const folder of (Deno.env.get("PATH") ?? "").split(delimiter).filter(Boolean)) {
    if (await Deno.stat(join(folder, file)).then((info) => info.isFile, () => false)) return program;
  }
  return undefined;
}

/** Where the server would listen; a bad setting is told by the program itself. */
function listeningAddress(): string {
  const host = Deno.env.get("FRAMECAST_HOST") || "127.0.0.1";
  const port = Deno.env.get("FRAMECAST_PORT") ?? "8000";
  return `${host.includes(":") ? `[${host}]` : host}:${/^\d{1,5}$/.test(port) && Number(port) <= 65535 ? port : 8000}`;
}

/** The hub sends large files from hosts of its own below `hf.co`; mirrors often do the same. */
function hubHosts(): string[] {
  const endpoint = Deno.env.get("HF_ENDPOINT") ?? "";
  const mirror = URL.canParse(endpoint) ? [new URL(endpoint).host] : [];
  // What is no host is left out here and refused, with a sentence, by the configuration.
  const more = (Deno.env.get("FRAMECAST_HUB_HOSTS") ?? "").split(",").map((host) => host.trim())
    .filter((host) => /^(\*\.)?([\w.-]+|\[[0-9a-f:.]+\])(:\d+)?$/i.test(host));
  return [...mirror, ...more, "huggingface.co", "*.huggingface.co", "hf.co", "*.hf.co"];
}

async function list(permission: string | undefined): Promise<(string | undefined)[]> {
  switch (permission) {
    case "net":
      return [
        ...new Set(["localhost", "0.0.0.0", "127.0.0.0/8", ...privateNetworks, "[::]", "[::1]", ...ownAddresses()]),
      ];
    case "net-hub":
      return hubHosts();
    case "run":
      return [Deno.execPath(), Deno.env.get("FRAMECAST_FFMPEG") || "ffmpeg", await packagedFfmpeg()];
    case "run-doctor":
      return [await onPath("nvidia-smi"), Deno.env.get("FRAMECAST_FFMPEG") || "ffmpeg", await packagedFfmpeg()];
    case "net-port":
      return [listeningAddress()];
    case "write-data":
      return [Deno.env.get("FRAMECAST_DATA_DIR") || "data"];
    case "write-here":
      return [Deno.env.get("INIT_CWD") ?? ".", tmpdir()];
    default:
      throw new TypeError(`There is no permission list "${permission}"`);
  }
}

const items = (await list(Deno.args[0])).filter((item) => item !== undefined);
Deno.stdout.writeSync(new TextEncoder().encode(items.join(",")));
