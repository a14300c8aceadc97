/**
 * Server-sent events (HTML living standard, section 9.2).
 * @module
 */

/** One message; without `id` the reader's last id stays. */
export interface ServerSentEvent {
  readonly id?: number;
  readonly event: string;
  readonly data: unknown;
}

/** A silent connection gets a comment this often, so that neither proxies nor pages take it for dead. */
const heartbeatMs = 10_000;

/**
 * An answer that goes on as long as `entries` does. Reading it pulls; leaving it aborts `leave`.
 * @param leave ends `entries`
 */
export function eventStreamResponse(entries: AsyncIterable<ServerSentEvent>, leave: AbortController): Response {
  const iterator = entries[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<ServerSentEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("retry: 1000\n\n")),
    async pull(controller) {
      next ??= iterator.next();
      const heartbeat = Promise.withResolvers<"heartbeat">();
      const timer = setTimeout(() => heartbeat.resolve("heartbeat"), heartbeatMs);
      const result = await Promise.race([next, heartbeat.promise]).finally(() => clearTimeout(timer));
      if (result === "heartbeat") return controller.enqueue(encoder.encode(":\n\n"));
      next = undefined;
      if (result.done) controller.close();
      else controller.enqueue(encoder.encode(messageOf(result.value)));
    },
    cancel: () => leave.abort(),
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no", // nginx would keep what has come until there is more
    },
  });
}

/** JSON has no line breaks, so the data is always one line. */
function messageOf({ id, event, data }: ServerSentEvent): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
