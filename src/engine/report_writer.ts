/**
 * Reports on their way out of an engine process, in order, at the pace of whoever reads them.
 * @module
 */
import { encodeMessage, type EngineReport } from "./wire.ts";

/**
 * Frames wait for the reader, so that they do not pile up in memory. Everything small does not wait: a reader that is late
 * must not hold up a denoising step. Previews would pile up too, so of those that wait only the newest is sent, after
 * what was reported before it.
 *
 * What is reported within one turn of the event loop leaves in one write, after the next step has been begun: a small
 * model's step takes 10 ms on all processors, and a write takes its share of them on both sides.
 */
export class ReportWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: { readonly report: EngineReport; readonly body: Uint8Array }[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  /**
   * Resolves when the reader has taken it and all before it; one need not wait.
   * @throws the stream's error, met here or with an earlier report
   */
  send(report: EngineReport, body: Uint8Array = new Uint8Array()): Promise<void> {
    this.#waiting.push({ report, body });
    const written = this.#last = this.#last.then(() => this.#flush());
    written.catch(() => {}); // nobody may be waiting for this one; whoever waits for a later one is told
    return written;
  }

  /** Takes the place of a preview that still waits, at the end of the row. */
  offerPreview(preview: EngineReport, body: Uint8Array): void {
    const stale = this.#waiting.findIndex(({ report }) => isPreview(report));
    if (stale >= 0) this.#waiting.splice(stale, 1);
    this.send(preview, body);
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    const parts = this.#waiting.splice(0).flatMap(({ report, body }) => encodeMessage(report, body));
    for (const chunk of gathered(parts)) await this.#writer.write(chunk);
  }
}

const isPreview = (report: EngineReport) => report.kind === "event" && report.event.kind === "preview";

/** What a pipe holds. */
const chunkBytesMax = 1 << 16;

/** The same bytes in fewer chunks; parts above that size are not copied. */
function* gathered(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let group: Uint8Array[] = [];
  let groupBytes = 0;
  for (const part of parts) {
    if (groupBytes > 0 && groupBytes + part.length > chunkBytesMax) {
      yield joined(group, groupBytes);
      [group, groupBytes] = [[], 0];
    }
    if (part.length > chunkBytesMax) yield part;
    else {
      group.push(part);
      groupBytes += part.length;
    }
  }
  if (groupBytes > 0) yield joined(group, groupBytes);
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let filled = 0;
  for (const part of parts) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}
