/**
 * What must be known of an SDP offer (RFC 8866, RFC 8839, RFC 8122) before a peer connection is spent on it. Pure.
 * @module
 */
import { OfferError } from "./errors.ts";

export interface Offer {
  /** Without the offerer's candidates: an ICE-lite agent never uses them, and host names among them would be looked up. */
  readonly sdp: string;
  /** Our part in DTLS. A server is chosen wherever the offer leaves the choice (RFC 5763 section 5). */
  readonly dtlsRole: "server" | "client";
}

/** A browser that offers every codec it has for sound and video needs about 300 lines, of at most some hundred letters. */
const linesMax = 2000;
const lineLengthMax = 4096;
const mediaMax = 8;

/** @throws `OfferError` */
export function readOffer(text: string): Offer {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => !/^a=(candidate:|end-of-candidates)/.test(line));
  if (lines[0] !== "v=0") throw unreadable("it does not begin with v=0");
  if (lines.length > linesMax) throw unreadable(`it has more than ${linesMax} lines`);
  if (lines.some(({ length }) => length > lineLengthMax)) throw unreadable(`a line is longer than ${lineLengthMax}`);
  if (lines.filter((line) => line.startsWith("m=")).length > mediaMax) {
    throw unreadable(`it has more than ${mediaMax} m= lines`);
  }
  if (!lines.some((line) => /^m=video \d+ [A-Z/]+( \d+)+$/.test(line))) {
    if (!lines.some((line) => line.startsWith("m="))) throw unreadable("it has no m= line");
    throw new OfferError("noCommonCodec", "Cannot answer the offer: it asks for no video");
  }
  for (const attribute of ["ice-ufrag", "ice-pwd", "fingerprint"]) {
    if (!lines.some((line) => line.startsWith(`a=${attribute}:`))) throw unreadable(`it has no a=${attribute} line`);
  }
  return {
    sdp: lines.join("\r\n"),
    dtlsRole: lines.includes("a=setup:passive") ? "client" : "server",
  };
}

function unreadable(why: string): OfferError {
  return new OfferError("unreadable", `Cannot read the offer: ${why}`);
}
