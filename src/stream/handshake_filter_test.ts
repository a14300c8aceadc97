import assert from "node:assert/strict";
import { createHandshakeFilter, type HandshakeMessage } from "./handshake_filter.ts";

const message = (type: number, sequence: number): HandshakeMessage => ({ msg_type: type, message_seq: sequence });
const firstHello = message(1, 0);
const helloWithCookie = message(1, 1);
const flight5 = [message(11, 2), message(16, 3), message(15, 4), message(20, 5)];

Deno.test("createHandshakeFilter() lets a handshake through unchanged", () => {
  const filter = createHandshakeFilter();
  const passed = [[firstHello], [helloWithCookie], flight5].map((messages) => filter(messages));
  assert.deepEqual(passed, [[firstHello], [helloWithCookie], flight5]);
});

Deno.test("createHandshakeFilter() lets only Finished of a repeated last flight through", () => {
  const filter = createHandshakeFilter();
  [[firstHello], [helloWithCookie], flight5].forEach((messages) => filter(messages));
  assert.deepEqual(filter(flight5), [message(20, 5)]);
});

Deno.test("createHandshakeFilter() lets a repeated ClientHello through until something newer has come", () => {
  const filter = createHandshakeFilter();
  assert.deepEqual(filter([firstHello]), [firstHello]);
  assert.deepEqual(filter([firstHello]), [firstHello]); // our HelloVerifyRequest was lost
  filter([helloWithCookie]);
  assert.deepEqual(filter([firstHello]), []); // it would make new keys
});

Deno.test("createHandshakeFilter() leaves what came after a lost message to be repeated with it", () => {
  const filter = createHandshakeFilter();
  const [certificate, ...rest] = flight5;
  assert.deepEqual([[firstHello], [helloWithCookie], rest].flatMap((messages) => filter(messages)), [
    firstHello,
    helloWithCookie,
  ]);
  assert.deepEqual(filter([certificate!, ...rest]), flight5);
});

Deno.test("createHandshakeFilter() gives messages of one datagram in the order they were sent in", () => {
  const filter = createHandshakeFilter();
  [[firstHello], [helloWithCookie]].forEach((messages) => filter(messages));
  assert.deepEqual(filter(flight5.toSorted((a, b) => a.msg_type - b.msg_type)), flight5);
});
