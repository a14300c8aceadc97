/**
 * An engine in a process of its own. A native crash or an out-of-memory ends that process and nothing else; the next
 * order starts a new one. Orders go to its standard input, reports come from its standard output (`wire.ts`).
 * @module
 */
import { fileURLToPath } from "node:url";
import { EngineLostError, errorOfReport } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import type { HostOptions } from "./host.ts";
import type { Engine } from "./mod.ts";
import type { GenerationRequest } from "./request.ts";
import { encodeMessage, type EngineOrder, type EngineReport, type Message, packRequest, readMessages } from "./wire.ts";

export interface ProcessEngineOptions extends HostOptions {
  /** Program and arguments that run `host.ts`; the options follow as one JSON argument. Default: this deno, fenced in. */
  readonly command?: readonly [program: string, ...args: string[]];
}

/**
 * What the engine may do: read weights and call ONNX Runtime, which needs the whole FFI permission, since Deno has no
 * narrower one for pointers; and ask how much memory is free. No network, no programs, no files written.
 */
const fencedCommand = (): readonly [string, ...string[]] => [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-prompt",
  "--cached-only",
  "--deny-net",
  "--deny-run",
  "--deny-write",
  "--allow-read",
  "--allow-env",
  "--allow-ffi",
  "--allow-sys=systemMemoryInfo",
  fileURLToPath(new URL("host.ts", import.meta.url)),
];

/** How long a stopped engine may take before its process is ended. */
const stopPatienceMs = 5000;

export function createProcessEngine({ command = fencedCommand(), ...hostOptions }: ProcessEngineOptions): Engine {
  return new ProcessEngine([...command, JSON.stringify(hostOptions)]);
}

class ProcessEngine implements Engine {
  #process: EngineProcess | undefined;
  #lastOrder: Promise<void> = Promise.resolve();

  constructor(readonly command: readonly string[]) {}

  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationEvent> {
    const { head, body } = packRequest(request);
    return this.#carryOut({ kind: "generate", request: head }, body, signal);
  }

  warm(modelDir: string, signal: AbortSignal): AsyncIterable<GenerationEvent> {
    return this.#carryOut({ kind: "warm", modelDir }, new Uint8Array(), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  async *#carryOut(order: EngineOrder, body: Uint8Array, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const before = this.#lastOrder;
    this.#lastOrder = finished;
    try {
      await before;
      signal.throwIfAborted();
      const known = this.#process;
      this.#process = await this.#hand(order, body);
      try {
        yield* this.#process.follow(signal);
      } catch (cause) {
        // A process that is being killed may still take an order, and dies without a word: no fault of the order.
        const wasDying = this.#process === known && this.#process.isSilent;
        if (!(cause instanceof EngineLostError) || !wasDying) throw cause;
        this.#process = await this.#hand(order, body);
        yield* this.#process.follow(signal);
      }
    } finally {
      finish();
    }
  }

  /** To the process there is, or to a new one: a process that was killed just now may not be known as ended yet. */
  async #hand(order: EngineOrder, body: Uint8Array): Promise<EngineProcess> {
    if (this.#process?.state === "running") {
      try {
        await this.#process.send(order, body);
        return this.#process;
      } catch (cause) {
        if (!(cause instanceof EngineLostError)) throw cause;
      }
    }
    await this.#process?.[Symbol.asyncDispose]();
    const next = new EngineProcess(this.command);
    await next.send(order, body);
    return next;
  }
}

class EngineProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reports: AsyncGenerator<Message<EngineReport>>;
  state: "running" | "ended" = "running";
  /** Nothing has been reported yet of the order it was sent last. */
  isSilent = true;

  constructor([program, ...args]: readonly string[]) {
    this.#child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reports = readMessages<EngineReport>(this.#child.stdout);
    this.#child.status.then(() => this.state = "ended");
  }

  /** Resolves when the process has taken the order. @throws EngineLostError when it is not there any more */
  async send(order: EngineOrder, body?: Uint8Array): Promise<void> {
    try {
      for (const part of encodeMessage(order, body)) await this.#input.write(part);
    } catch (cause) {
      throw await this.#lost(cause);
    }
  }

  /** What becomes of the order it was sent. A reader that leaves early stops it, like the signal does. */
  async *follow(signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    let patience: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      if (patience !== undefined) return;
      patience = setTimeout(() => this.#kill(), stopPatienceMs);
      this.send({ kind: "stop" }).catch(() => {});
    };
    let settled = false;
    this.isSilent = true;
    signal.addEventListener("abort", stop);
    try {
      if (signal.aborted) stop();
      while (!settled) {
        const { head, body: pixels } = await this.#nextReport();
        this.isSilent = false;
        settled = head.kind !== "event";
        if (head.kind === "event") yield eventOf(head.event, pixels);
        if (head.kind === "failed" && !signal.aborted) throw errorOfReport(head);
      }
      signal.throwIfAborted();
    } catch (cause) {
      settled ||= cause instanceof EngineLostError;
      signal.throwIfAborted();
      throw cause;
    } finally {
      signal.removeEventListener("abort", stop);
      if (!settled) await this.#leaveEarly(stop);
      clearTimeout(patience);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const patience = setTimeout(() => this.#kill(), stopPatienceMs);
    await this.#reports.return(undefined).catch(() => {});
    await this.#child.status;
    clearTimeout(patience);
  }

  async #leaveEarly(stop: () => void): Promise<void> {
    stop();
    try {
      while ((await this.#nextReport()).head.kind === "event");
    } catch (cause) {
      if (!(cause instanceof EngineLostError)) throw cause;
    }
  }

  async #nextReport(): Promise<Message<EngineReport>> {
    try {
      const { value, done } = await this.#reports.next();
      if (!done) return value;
    } catch (cause) {
      this.#kill();
      throw await this.#lost(cause);
    }
    throw await this.#lost();
  }

  async #lost(cause?: unknown): Promise<EngineLostError> {
    const { signal, code } = await this.#child.status;
    this.state = "ended";
    const how = signal ? `it was ended by ${signal}` : `it exited with code ${code}`;
    return new EngineLostError(`The engine process was lost: ${how}`, { cause });
  }

  #kill(): void {
    if (this.state === "running") this.#child.kill("SIGKILL");
  }
}

type ReportedEvent = Extract<EngineReport, { kind: "event" }>["event"];

/** @param pixels what came with it */
function eventOf(event: ReportedEvent, pixels: Uint8Array): GenerationEvent {
  if (event.kind === "preview") return { kind: "preview", clip: { ...event.clip, pixels } };
  if (event.kind === "resumePoint") {
    return { kind: "resumePoint", point: { section: event.section, history: pixels } };
  }
  if (event.kind !== "frames") return event;
  const { section, firstFrameIndex, state } = event;
  return { kind: "frames", section, batch: { firstFrameIndex, state, pixels } };
}
