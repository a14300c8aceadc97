import assert from "node:assert/strict";
import { parseRange } from "./range.ts";

Deno.test("parseRange() reads one range of bytes, half-open", () => {
  assert.deepEqual(parseRange("bytes=0-9", 100), { start: 0, end: 10 });
  assert.deepEqual(parseRange("bytes=90-", 100), { start: 90, end: 100 });
  assert.deepEqual(parseRange("bytes=90-200", 100), { start: 90, end: 100 });
  assert.deepEqual(parseRange("bytes=-10", 100), { start: 90, end: 100 });
  assert.deepEqual(parseRange("bytes=-200", 100), { start: 0, end: 100 });
});

Deno.test("parseRange() gives the whole for what RFC 9110 lets a server ignore", () => {
  for (const header of [null, "", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b"]) {
    assert.equal(parseRange(header, 100), "whole", String(header));
  }
});

Deno.test("parseRange() refuses a range outside the file", () => {
  for (const header of ["bytes=100-", "bytes=200-300", "bytes=-0"]) {
    assert.equal(parseRange(header, 100), "unsatisfiable");
  }
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
});
