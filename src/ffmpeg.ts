/**
 * The one owner of ffmpeg: finds it, asks what it can encode, and runs it as two streams and a status.
 * @module
 */

/** A working ffmpeg of this machine. */
export interface Ffmpeg {
  /** What was started: a path, or a name that is looked up in PATH. */
  readonly path: string;
  /** As ffmpeg states it: `5.1.9-0+deb12u1`, `N-47683-g0e8eb07980-static`. */
  readonly version: string;
  /** Names of its encoders, for example `libx264`, `libvpx`. */
  readonly encoders: ReadonlySet<string>;
  /** Starts a process. The caller disposes of it, which also ends it. @throws `FfmpegError` */
  start(args: readonly string[]): FfmpegProcess;
}

/** One running ffmpeg. Disposing kills it if it still runs, and waits until the system has let go of it. */
export interface FfmpegProcess extends AsyncDisposable {
  readonly pid: number;
  /** Its standard input. A write rejects once the process has ended. */
  readonly writable: WritableStream<Uint8Array>;
  /** Its standard output. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Resolves when the process has ended, whatever ended it; never rejects. */
  readonly status: Promise<FfmpegStatus>;
}

export interface FfmpegStatus {
  readonly success: boolean;
  readonly code: number;
  readonly signal: string | null;
  /** The last lines it printed to standard error, at most 4096 characters. */
  readonly stderrTail: string;
}

/** No ffmpeg that works was found, or it could not be started. The message says what to do. */
export class FfmpegError extends Error {
  override readonly name = "FfmpegError";
}

/**
 * Looks at the configured path, else in PATH, else for the binary of the npm package. A configured path is never
 * silently replaced by another ffmpeg.
 * @throws `FfmpegError`
 */
export async function findFfmpeg({ configured }: { readonly configured?: string | undefined } = {}): Promise<Ffmpeg> {
  if (configured) {
    try {
      return await probe(configured);
    } catch (cause) {
      throw new FfmpegError(`Cannot start the ffmpeg that FRAMECAST_FFMPEG names: ${messageOf(cause)}`, { cause });
    }
  }
  const reasons: string[] = [];
  for (const candidate of [() => Promise.resolve("ffmpeg"), npmBinary]) {
    try {
      return await probe(await candidate());
    } catch (cause) {
      reasons.push(messageOf(cause));
    }
  }
  throw new FfmpegError(
    `Cannot find ffmpeg: install it (Debian: apt install ffmpeg) or set FRAMECAST_FFMPEG to its path; ${
      reasons.join("; ")
    }`,
  );
}

/** The binary inside `@ffmpeg-installer/ffmpeg`, a 2018 build, made executable where unpacking has not done so. */
async function npmBinary(): Promise<string> {
  let path: string;
  try {
    path = (await import("@ffmpeg-installer/ffmpeg")).default.path;
  } catch (cause) { // it throws strings
    throw new FfmpegError(`npm package @ffmpeg-installer/ffmpeg: ${messageOf(cause)}`, { cause });
  }
  const { mode } = await Deno.stat(path);
  if (mode !== null && (mode & 0o111) === 0) {
    await Deno.chmod(path, 0o755).catch((cause) => {
      throw new FfmpegError(`"${path}" is not executable, run: chmod +x "${path}"`, { cause });
    });
  }
  return path;
}

async function probe(path: string): Promise<Ffmpeg> {
  const [banner, list] = await Promise.all([
    outputOf(path, ["-version"]),
    outputOf(path, ["-hide_banner", "-encoders"]),
  ]);
  const encoders = parseEncoders(list);
  if (encoders.size === 0) throw new FfmpegError(`"${path}" lists no encoders, so it is not an ffmpeg`);
  const version = /^ffmpeg version (\S+)/.exec(banner)?.[1] ?? "unknown";
  return { path, version, encoders, start: (args) => startProcess(path, args) };
}

async function outputOf(path: string, args: readonly string[]): Promise<string> {
  await using process = startProcess(path, args);
  await process.writable.close().catch(() => {}); // it may have ended already
  const text = await new Response(process.readable).text();
  const { success, code, stderrTail } = await process.status;
  if (!success) throw new FfmpegError(`"${path} ${args.join(" ")}" ended with code ${code}: ${stderrTail.trim()}`);
  return text;
}

/** Names from the table of `ffmpeg -encoders`: ` V....D libx264    libx264 H.264 …`, below a line of dashes. */
export function parseEncoders(table: string): ReadonlySet<string> {
  const rows = table.split(/^ -+\s*$/m)[1] ?? "";
  return new Set([...rows.matchAll(/^ [VASFXBD.]{6} (\S+)/gm)].map((row) => row[1]!));
}

export type EncoderTrial = { readonly kind: "works" } | { readonly kind: "fails"; readonly why: string };

/**
 * Whether an encoder works on this machine, by encoding a few grey pictures with it: one that needs hardware is in
 * `encoders` wherever it was compiled in. Never rejects; `why` is the first thing ffmpeg complained about.
 * @param args the encoder and its options
 */
export async function tryEncoder(
  ffmpeg: Ffmpeg,
  encoder: string,
  args: readonly string[] = ["-c:v", encoder],
): Promise<EncoderTrial> {
  if (!ffmpeg.encoders.has(encoder)) return { kind: "fails", why: `this ffmpeg was built without ${encoder}` };
  const [sidePx, pictures] = [256, 5]; // NVENC takes nothing below 145 × 49 pixels
  const raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", `${sidePx}x${sidePx}`, "-i", "pipe:0"];
  try {
    await using process = ffmpeg.start([
      ...["-hide_banner", "-loglevel", "error", ...raw],
      ...[...args, "-f", "rawvideo", "pipe:1"],
    ]);
    const output = new Response(process.readable).arrayBuffer();
    const grey = new Blob([new Uint8Array(pictures * sidePx * sidePx * 3 / 2).fill(128)]);
    await grey.stream().pipeTo(process.writable).catch(() => {}); // told by the status
    const { success, stderrTail } = await process.status;
    if (success && (await output).byteLength > 0) return { kind: "works" };
    return { kind: "fails", why: firstComplaint(stderrTail) ?? "it made nothing" };
  } catch (cause) {
    return { kind: "fails", why: messageOf(cause) };
  }
}

/** What files are made with by NVENC: constant quality, close to x264's CRF 18. */
export function nvencArguments(gpu: number): string[] {
  return [
    ...["-c:v", "h264_nvenc", "-gpu", `${gpu}`, "-preset", "p6", "-tune", "hq"], // p6 came with ffmpeg 4.4
    ...["-rc", "vbr", "-cq", "19", "-b:v", "0", "-profile:v", "high"],
  ];
}

/** `[h264_nvenc @ 0x5581] Cannot load libcuda.so.1` → `Cannot load libcuda.so.1`. */
function firstComplaint(stderr: string): string | undefined {
  const line = stderr.split("\n").map((text) => text.replace(/^(\[[^\]]*\] *)+/, "").trim()).find(Boolean);
  return line?.replace(/\.$/, "");
}

function startProcess(path: string, args: readonly string[]): FfmpegProcess {
  const child = spawn(path, args);
  const stderr = tailOf(child.stderr);
  const status = child.status.then(async ({ success, code, signal }) => (
    { success, code, signal, stderrTail: await stderr }
  ));
  return {
    pid: child.pid,
    writable: child.stdin,
    readable: child.stdout,
    status,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { // it has ended already
      }
      await Promise.allSettled([
        child.stdin.locked ? undefined : child.stdin.abort(),
        child.stdout.locked ? undefined : child.stdout.cancel(),
        status,
      ]);
    },
  };
}

function spawn(path: string, args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(path, {
      args: [...args],
      env: { AV_LOG_FORCE_NOCOLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new FfmpegError(`"${path}" cannot be started: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such program";
  if (cause instanceof Deno.errors.NotCapable) return "Deno may not run it, add its path to --allow-run";
  if (cause instanceof Deno.errors.PermissionDenied) return "it is not executable, run chmod +x on it";
  return messageOf(cause);
}

async function tailOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let tail = "";
  for await (const bytes of stream) tail = (tail + decoder.decode(bytes, { stream: true })).slice(-4096);
  return tail;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
