import assert from "node:assert/strict";
import type { GenerationRequest } from "./request.ts";
import { encodeMessage, type EngineOrder, packRequest, readMessages, unpackRequest } from "./wire.ts";

const order: EngineOrder = { kind: "warm", modelDir: "models/ünïcode" };

function streamOf(bytes: Uint8Array, chunkBytes: number): ReadableStream<Uint8Array> {
  const chunks = Array.from(
    { length: Math.ceil(bytes.length / chunkBytes) },
    (_, at) => bytes.slice(at * chunkBytes, (at + 1) * chunkBytes),
  );
  return ReadableStream.from(chunks);
}

const joined = (parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

Deno.test("readMessages() gives back what encodeMessage() wrote, however the stream is cut", async () => {
  const body = Uint8Array.from({ length: 300 }, (_, index) => index);
  const bytes = joined([...encodeMessage(order, body), ...encodeMessage({ kind: "stop" })]);
  for (const chunkBytes of [1, 7, 64, 10_000]) {
    const messages = await Array.fromAsync(readMessages<EngineOrder>(streamOf(bytes, chunkBytes)));
    assert.deepEqual(messages.map(({ head }) => head), [order, { kind: "stop" }]);
    assert.deepEqual(messages[0]!.body, body);
    assert.equal(messages[1]!.body.length, 0);
  }
});

Deno.test("readMessages() refuses a stream that ends inside a message", async () => {
  const bytes = joined(encodeMessage(order, new Uint8Array(50)));
  await assert.rejects(Array.fromAsync(readMessages(streamOf(bytes.slice(0, -1), 16))), /ended inside it/);
});

Deno.test("readMessages() refuses a head of impossible length", async () => {
  const text = new TextEncoder().encode("some library printed this line to standard output\n");
  await assert.rejects(Array.fromAsync(readMessages(streamOf(text, 64))), /head would have \d+ bytes/);
});

Deno.test("unpackRequest() gives back what packRequest() took, with and without an end picture of another size and a point to go on from", () => {
  const picture = (widthPx: number, heightPx: number, first: number) => ({
    widthPx,
    heightPx,
    pixels: Uint8Array.from({ length: 3 * widthPx * heightPx }, (_, i) => first + i),
  });
  const bare = {
    image: picture(4, 2, 1),
    modelDir: "models/emoji",
    settings: { prompt: "x" } as GenerationRequest["settings"],
    loras: [{ file: "ink.safetensors", strength: -0.5 }],
  };
  const [end, resume] = [{ image: picture(2, 3, 100), strength: 0.25 }, {
    section: 2,
    history: Uint8Array.of(7, 8, 9),
  }];
  for (const request of [bare, { ...bare, end }, { ...bare, resume }, { ...bare, end, resume }]) {
    const { head, body } = packRequest(request);
    assert.deepEqual(unpackRequest(JSON.parse(JSON.stringify(head)), body), request);
  }
});
