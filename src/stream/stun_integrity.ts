/**
 * Whether a STUN message comes from somebody who knows a password (RFC 8489 section 14.5). A mend for werift, which
 * believes every binding request: whoever finds a viewer's port first would be taken for the viewer, which then cannot
 * connect any more. Pure.
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { viewOf } from "./byte_reader.ts";

const headerBytes = 20;
const messageIntegrity = 0x0008;
const sha1Bytes = 20;

/** @param message a whole STUN message @param password of the short-term credential, ASCII */
export function isAuthentic(message: Uint8Array, password: string): boolean {
  const at = integrityAt(message);
  if (at === undefined) return false;
  // The length in the header counts up to the end of this attribute, whatever follows it.
  const covered = message.slice(0, at);
  viewOf(covered).setUint16(2, at + 4 + sha1Bytes - headerBytes);
  const expected = createHmac("sha1", password).update(covered).digest();
  return timingSafeEqual(expected, message.subarray(at + 4, at + 4 + sha1Bytes));
}

/** Where the attribute begins; undefined when there is none of the right size. Values are padded to four bytes. */
function integrityAt(message: Uint8Array): number | undefined {
  const view = viewOf(message);
  for (let at = headerBytes; at + 4 <= message.length;) {
    const sizeBytes = view.getUint16(at + 2);
    if (view.getUint16(at) === messageIntegrity) {
      return sizeBytes === sha1Bytes && at + 4 + sha1Bytes <= message.length ? at : undefined;
    }
    at += 4 + Math.ceil(sizeBytes / 4) * 4;
  }
  return undefined;
}
