/**
 * Fixed sizes out of a stream that comes in pieces of any size.
 * @module
 */

/** Reads a byte stream in the sizes a format asks for. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `sizeBytes` bytes, or undefined when the stream ends before them: what is cut off is no use to a decoder. */
  async take(sizeBytes: number): Promise<Uint8Array | undefined> {
    while (this.#bytes < sizeBytes) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#pieces.push(value);
      this.#bytes += value.length;
    }
    return this.#cut(sizeBytes);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #cut(sizeBytes: number): Uint8Array {
    const taken = new Uint8Array(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const piece = this.#pieces[0]!;
      const part = piece.subarray(0, sizeBytes - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#bytes -= sizeBytes;
    return taken;
  }
}

/** View for the numbers of a header. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
