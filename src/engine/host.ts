/**
 * The other side of `process_engine.ts`: one engine, orders on standard input, reports on standard output. Standard
 * output carries nothing else; whatever has to be said to people goes to standard error.
 * @module
 */
import { DeviceError, reportOfError } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import { createFramePackEngine, type FramePackEngineOptions } from "./framepack_engine.ts";
import type { Engine } from "./mod.ts";
import { ReportWriter } from "./report_writer.ts";
import { type EngineOrder, type Message, readMessages, unpackRequest } from "./wire.ts";

/** What the engine inside is made with; crosses the process border as JSON. */
export type HostOptions = FramePackEngineOptions;

/**
 * Carries out orders until standard input ends.
 * @param leave ends the process; called after it was reported that the GPU was lost, which only another process gets back
 */
export async function host(
  engine: Engine,
  orders: ReadableStream<Uint8Array>,
  reports: WritableStream<Uint8Array>,
  leave: () => void = () => Deno.exit(1),
): Promise<void> {
  const writer = new ReportWriter(reports);
  let work: Promise<void> = Promise.resolve();
  let stopper = new AbortController();
  for await (const { head: order, body } of readMessages<EngineOrder>(orders)) {
    if (order.kind === "stop") {
      stopper.abort(new DOMException("Stopped", "AbortError"));
      continue;
    }
    await work;
    stopper = new AbortController();
    work = carryOut(engine, { head: order, body }, writer, stopper.signal).then((end) =>
      end === "lost" ? leave() : undefined
    );
  }
  stopper.abort(new DOMException("The server is gone", "AbortError"));
  await work.catch(() => {});
}

async function carryOut(
  engine: Engine,
  { head: order, body }: Message<Exclude<EngineOrder, { kind: "stop" }>>,
  writer: ReportWriter,
  signal: AbortSignal,
): Promise<"well" | "lost"> {
  try {
    for await (const event of eventsOf(engine, order, body, signal)) await tell(event, writer);
  } catch (cause) {
    await writer.send(signal.aborted ? { kind: "stopped" } : reportOfError(cause));
    return cause instanceof DeviceError && cause.fault === "lost" ? "lost" : "well";
  }
  await writer.send({ kind: "done" });
  return "well";
}

/** Resolves when the engine may go on. */
async function tell(event: GenerationEvent, writer: ReportWriter): Promise<void> {
  if (event.kind === "preview") {
    const { pixels, ...clip } = event.clip;
    writer.offerPreview({ kind: "event", event: { kind: "preview", clip } }, pixels);
  } else if (event.kind === "frames") {
    const { firstFrameIndex, state, pixels } = event.batch;
    await writer.send(
      { kind: "event", event: { kind: "frames", section: event.section, firstFrameIndex, state } },
      pixels,
    );
  } else if (event.kind === "resumePoint") {
    const { section, history } = event.point;
    writer.send({ kind: "event", event: { kind: "resumePoint", section } }, history); // nobody waits
  } else {
    writer.send({ kind: "event", event }); // nor here
  }
}

function eventsOf(
  engine: Engine,
  order: Exclude<EngineOrder, { kind: "stop" }>,
  pixels: Uint8Array,
  signal: AbortSignal,
): AsyncIterable<GenerationEvent> {
  if (order.kind === "warm") return engine.warm(order.modelDir, signal);
  return engine.generate(unpackRequest(order.request, pixels), signal);
}

if (import.meta.main) {
  // Ctrl+C in a terminal reaches the whole process group; the server ends this process by closing its input.
  Deno.addSignalListener("SIGINT", () => {});
  const options = JSON.parse(Deno.args[0] ?? "{}") as HostOptions;
  await using engine = createFramePackEngine(options);
  await host(engine, Deno.stdin.readable, Deno.stdout.writable);
}
