/**
 * Messages between the server and an engine process: a length-prefixed JSON head, then raw bytes.
 *
 * | bytes | content |
 * |---|---|
 * | 4 | length of the head, unsigned little-endian |
 * | 4 | length of the body, likewise |
 * | … | head, JSON in UTF-8 |
 * | … | body, as it is: pixels |
 * @module
 */
import type { FrameState, PreviewClip } from "../video.ts";
import type { ErrorReport } from "./errors.ts";
import type { GenerationEvent, ResumePoint } from "./event.ts";
import type { EndFrame, GenerationRequest } from "./request.ts";

/**
 * What the server asks for. The body of `generate`: pixels of the start picture, of an end picture, and the history of what
 * is made already.
 */
export type EngineOrder =
  | { readonly kind: "generate"; readonly request: RequestHead }
  | { readonly kind: "warm"; readonly modelDir: string }
  | { readonly kind: "stop" };

/** A request without what is in its body. */
export interface RequestHead extends Omit<GenerationRequest, "image" | "end" | "resume">, PictureSize {
  readonly end?: PictureSize & Omit<EndFrame, "image">;
  readonly resume?: Omit<ResumePoint, "history">;
}

interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** A request as it crosses the border: its head, and the rest in one piece. */
export function packRequest(request: GenerationRequest): { head: RequestHead; body: Uint8Array } {
  const { image, end, resume, ...rest } = request;
  const head: RequestHead = {
    ...{ ...rest, ...sizeOf(image) },
    ...(end ? { end: { strength: end.strength, ...sizeOf(end.image) } } : {}),
    ...(resume ? { resume: { section: resume.section } } : {}),
  };
  return {
    head,
    body: joined([image.pixels, ...(end ? [end.image.pixels] : []), ...(resume ? [resume.history] : [])]),
  };
}

/** The request that was packed. */
export function unpackRequest(head: RequestHead, body: Uint8Array): GenerationRequest {
  const { widthPx, heightPx, end, resume, ...rest } = head;
  const startBytes = bytesOf(head);
  const endBytes = end ? bytesOf(end) : 0;
  return {
    ...{ ...rest, image: { widthPx, heightPx, pixels: body.subarray(0, startBytes) } },
    ...(end && {
      end: {
        strength: end.strength,
        image: { ...sizeOf(end), pixels: body.subarray(startBytes, startBytes + endBytes) },
      },
    }),
    ...(resume && { resume: { section: resume.section, history: body.subarray(startBytes + endBytes) } }),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const bytesOf = ({ widthPx, heightPx }: PictureSize): number => 3 * widthPx * heightPx;

const sizeOf = ({ widthPx, heightPx }: PictureSize): PictureSize => ({ widthPx, heightPx });

/**
 * What the engine answers. Pixels of a batch or a preview, and a history, are the body of their event; each order but `stop`
 * ends in `done`, `stopped` or `failed`.
 */
export type EngineReport =
  | {
    readonly kind: "event";
    readonly event:
      | Exclude<GenerationEvent, { kind: "frames" | "preview" | "resumePoint" }>
      | FramesHead
      | PreviewHead
      | ResumePointHead;
  }
  | { readonly kind: "done" }
  | { readonly kind: "stopped" }
  | ErrorReport;

/** A `frames` event without its pixels. */
export interface FramesHead {
  readonly kind: "frames";
  readonly section: number;
  readonly firstFrameIndex: number;
  readonly state: FrameState;
}

/** A `preview` event without its pixels. */
export interface PreviewHead {
  readonly kind: "preview";
  readonly clip: Omit<PreviewClip, "pixels">;
}

/** A `resumePoint` event without its history. */
export interface ResumePointHead {
  readonly kind: "resumePoint";
  readonly section: number;
}

export interface Message<Head> {
  readonly head: Head;
  readonly body: Uint8Array<ArrayBuffer>;
}

const prefixBytes = 8;

/** Above this a length cannot be honest: a head is small, a body at most one section of pixels. */
const headBytesMax = 1 << 20;

/** The bytes of one message, in the order in which they are to be written. */
export function encodeMessage(head: EngineOrder | EngineReport, body: Uint8Array = new Uint8Array()): Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const prefix = new Uint8Array(prefixBytes);
  const view = new DataView(prefix.buffer);
  view.setUint32(0, json.length, true);
  view.setUint32(4, body.length, true);
  return body.length > 0 ? [prefix, json, body] : [prefix, json];
}

/**
 * Reads messages until the stream ends. One message is taken from the stream at a time, so a reader that waits makes the
 * writer wait.
 * @throws SyntaxError when the stream is no message stream or ends inside one
 */
export async function* readMessages<Head>(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message<Head>> {
  await using input = new ByteReader(stream);
  while (true) {
    const prefix = await input.read(prefixBytes);
    if (!prefix) return;
    const view = new DataView(prefix.buffer);
    const headBytes = view.getUint32(0, true);
    if (headBytes > headBytesMax) throw new SyntaxError(`Cannot read message: its head would have ${headBytes} bytes`);
    const json = await input.read(headBytes);
    const body = await input.read(view.getUint32(4, true));
    if (!json || !body) throw new SyntaxError("Cannot read message: the stream ended inside it");
    yield { head: JSON.parse(new TextDecoder().decode(json)) as Head, body };
  }
}

/** Takes exact numbers of bytes from a stream. */
class ByteReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next `length` bytes, or undefined when the stream ends before the first of them. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done && filled > 0) throw new SyntaxError("Cannot read message: the stream ended inside it");
        if (done) return undefined;
        this.#rest = value;
      }
      const taken = this.#rest.subarray(0, length - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
    this.#reader.releaseLock();
  }
}
