import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { isAuthentic } from "./stun_integrity.ts";

/** RFC 5769 section 2.1: a binding request with the password below. */
const request = Buffer.from(
  "000100582112a442b7e7a701bc34d686fa87dfae" +
    "802200105354554e207465737420636c69656e74" +
    "002400046e0001ff80290008932ff9b151263b36" +
    "000600096576746a3a68367659202020" +
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" +
    "80280004e57a3bcf",
  "hex",
);
const password = "VOkJxbRl1RmTxUk/WvJxBt";

Deno.test("isAuthentic() accepts the sample request of RFC 5769", () => {
  assert.ok(isAuthentic(request, password));
});

Deno.test("isAuthentic() refuses another password, a changed byte, and a message without the attribute or cut off", () => {
  assert.ok(!isAuthentic(request, "VOkJxbRl1RmTxUk/WvJxBu"));
  for (let at = 0; at < request.length - 8; at++) { // behind comes the fingerprint, which it does not cover
    if (at === 2 || at === 3) continue; // the length is that of the whole message
    const changed = Uint8Array.from(request, (byte, k) => k === at ? byte ^ 1 : byte);
    assert.ok(!isAuthentic(changed, password), `byte ${at}`);
  }
  for (let length = 0; length < request.length - 8; length++) {
    assert.ok(!isAuthentic(request.subarray(0, length), password), `${length} bytes`);
  }
});
