/**
 * Files and other bytes as answers: validators, conditional requests, byte ranges.
 * @module
 */
import { problem } from "../session/mod.ts";
import { problemResponse } from "./problem.ts";
import { type ByteRange, parseRange } from "./range.ts";

/** Headers that say what it is and how long it stays, such as `content-type`, `cache-control`. */
export type ContentHeaders = Readonly<Record<string, string>>;

/** What an answer is made of. */
export interface Content {
  readonly sizeBytes: number;
  /** Strong entity tag, in quotes: other bytes, another tag (RFC 9110, 8.8.3). */
  readonly etag: string;
  open(range: ByteRange): Promise<ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>>;
}

/** A file as it is now. @throws `Deno.errors.NotFound` when it is none */
export async function fileContent(path: string): Promise<Content> {
  const { size, mtime, isFile } = await Deno.stat(path);
  if (!isFile) throw new Deno.errors.NotFound(path);
  const etag = `"${size.toString(16)}-${(mtime?.getTime() ?? 0).toString(16)}"`;
  return { sizeBytes: size, etag, open: (range) => openPart(path, range) };
}

/** Answers GET or HEAD: 200, 206, 304 or 416. */
export async function contentResponse(
  request: Request,
  { sizeBytes, etag, open }: Content,
  contentHeaders: ContentHeaders,
): Promise<Response> {
  const headers = { ...contentHeaders, etag, "accept-ranges": "bytes" };
  if (isListed(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  const ifRange = request.headers.get("if-range");
  const rangeHeader = ifRange !== null && ifRange !== etag ? null : request.headers.get("range");
  const range = parseRange(rangeHeader, sizeBytes);
  if (range === "unsatisfiable") {
    const body = problem("range-not-satisfiable", `The file has ${sizeBytes} bytes, ${rangeHeader} lies outside`);
    return problemResponse(body, { "content-range": `bytes */${sizeBytes}` });
  }
  const part = range === "whole" ? { start: 0, end: sizeBytes } : range;
  const body = request.method === "HEAD" ? null : await open(part);
  const partHeaders: Record<string, string> = { ...headers, "content-length": String(part.end - part.start) };
  if (range !== "whole") partHeaders["content-range"] = `bytes ${part.start}-${part.end - 1}/${sizeBytes}`;
  return new Response(body, { status: range === "whole" ? 200 : 206, headers: partHeaders });
}

/** As `contentResponse`. @throws `Deno.errors.NotFound` when it is no file */
export async function fileResponse(request: Request, path: string, headers: ContentHeaders): Promise<Response> {
  return await contentResponse(request, await fileContent(path), headers);
}

function isListed(header: string | null, etag: string): boolean {
  return header?.split(",").some((item) => ["*", etag, `W/${etag}`].includes(item.trim())) ?? false;
}

/** Read as fast as the reader takes it; the file is closed when it is read or no longer wanted. */
async function openPart(path: string, { start, end }: ByteRange): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path, { read: true });
  await file.seek(start, Deno.SeekMode.Start);
  let left = end - start;
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(left, 256 * 1024));
      const count = left === 0 ? null : await file.read(buffer);
      if (count !== null) {
        left -= count;
        controller.enqueue(buffer.subarray(0, count));
      }
      if (count !== null && left > 0) return;
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
