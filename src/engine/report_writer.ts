/**
 * Reports on their way out of an engine process, in order, at the pace of whoever reads them.
 * @module
 */
import { encodeMessage, type EngineReport } from "./wire.ts";

/**
 * Frames wait for the reader, so that they do not pile up in memory. Everything small does not wait: a reader that is late
 * must not hold up a denoising step. Previews would pile up too, so of those that wait only the newest is sent, after
 * what was reported before it.
 */
export class ReportWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #last: Promise<void> = Promise.resolve();
  #waitingPreview: EngineReport | undefined;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  /**
   * Resolves when the reader has taken it and all before it; one need not wait.
   * @throws the stream's error, met here or with an earlier report
   */
  send(report: EngineReport, body?: Uint8Array): Promise<void> {
    return this.#append(() => this.#write(report, body));
  }

  /** A later preview replaces it while it waits. */
  offer(preview: EngineReport, body: Uint8Array): void {
    this.#waitingPreview = preview;
    this.#append(async () => {
      if (this.#waitingPreview !== preview) return;
      this.#waitingPreview = undefined;
      await this.#write(preview, body);
    });
  }

  #append(write: () => Promise<void>): Promise<void> {
    const written = this.#last = this.#last.then(write);
    written.catch(() => {}); // nobody may be waiting for this one; whoever waits for a later one is told
    return written;
  }

  async #write(report: EngineReport, body?: Uint8Array): Promise<void> {
    for (const part of encodeMessage(report, body)) await this.#writer.write(part);
  }
}
