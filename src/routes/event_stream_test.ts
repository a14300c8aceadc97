import assert from "node:assert/strict";
import { eventStreamResponse } from "./event_stream.ts";

async function* entries() {
  yield { id: 1, event: "state", data: { text: "two\nlines" } };
  yield { event: "latest", data: null };
}

Deno.test("eventStreamResponse() writes messages that are one line of JSON, with an id where there is one", async () => {
  const response = eventStreamResponse(entries(), new AbortController());
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(
    await response.text(),
    'retry: 1000\n\nid: 1\nevent: state\ndata: {"text":"two\\nlines"}\n\nevent: latest\ndata: null\n\n',
  );
});

Deno.test("eventStreamResponse() tells its source when the reader leaves", async () => {
  const leave = new AbortController();
  const response = eventStreamResponse(entries(), leave);
  await response.body!.cancel();
  assert.ok(leave.signal.aborted);
});
