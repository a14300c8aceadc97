import assert from "node:assert/strict";
import { OfferError } from "./errors.ts";
import { readOffer } from "./offer.ts";

const lines = [
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789012345678901",
  "a=fingerprint:sha-256 00:11",
  "a=setup:actpass",
  "a=candidate:1 1 udp 2113937151 3f6c.local 50000 typ host",
  "a=end-of-candidates",
  "a=rtpmap:96 VP8/90000",
  "",
];

function reasonOf(text: string): string {
  try {
    readOffer(text);
    return "none";
  } catch (error) {
    assert.ok(error instanceof OfferError);
    return error.reason;
  }
}

Deno.test("readOffer() takes out the candidates and nothing else", () => {
  const { sdp, dtlsRole } = readOffer(lines.join("\r\n"));
  assert.equal(sdp, lines.filter((line) => !/candidate/.test(line)).join("\r\n"));
  assert.equal(dtlsRole, "server");
});

Deno.test("readOffer() is the DTLS client only where the offer insists on being the server", () => {
  const passive = lines.map((line) => line.replace("actpass", "passive")).join("\r\n");
  assert.equal(readOffer(passive).dtlsRole, "client");
});

Deno.test("readOffer() calls garbage and gaps unreadable", () => {
  for (const text of ["", "hello", "{}", "v=0\r\n", "\0\0\0"]) assert.equal(reasonOf(text), "unreadable");
  for (const attribute of ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint"]) {
    assert.equal(reasonOf(lines.filter((line) => !line.startsWith(attribute)).join("\r\n")), "unreadable");
  }
});

Deno.test("readOffer() has nothing in common with an offer without video", () => {
  assert.equal(reasonOf(lines.map((line) => line.replace("m=video", "m=audio")).join("\r\n")), "noCommonCodec");
});
