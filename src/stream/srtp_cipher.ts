/**
 * A mend for werift's AES-CM cipher: it never calls `final()`, and in Deno only `final()` frees a cipher, so that each
 * packet of a viewer without AES-GCM would leave about 1 KB behind.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";

/** The parts of werift's `CipherAesCtr` (packages/rtp/src/srtp/cipher/ctr.ts) that encrypting needs. */
interface CipherAesCtr {
  readonly srtpSessionKey: Uint8Array;
  readonly srtpSessionSalt: Uint8Array;
  generateCounter(sequenceNumber: number, rollover: number, ssrc: number, salt: Uint8Array): Uint8Array;
  generateSrtpAuthTag(rollover: number, ...buffers: Uint8Array[]): Uint8Array;
  encryptRtp(header: RtpHeader, payload: Uint8Array, rollover: number): Uint8Array;
}

interface RtpHeader {
  readonly sequenceNumber: number;
  readonly ssrc: number;
  readonly serializeSize: number;
  serialize(size: number): Uint8Array;
}

/** Replaces the method for every cipher of `cipher`'s class. The bytes stay the same (RFC 3711 sections 4.1.1 and 4.2). */
export function freeCiphersAfterUse(cipher: object): void {
  const prototype = Object.getPrototypeOf(cipher) as CipherAesCtr;
  prototype.encryptRtp = function (header, payload, rollover) {
    const head = header.serialize(header.serializeSize);
    const counter = this.generateCounter(header.sequenceNumber, rollover, header.ssrc, this.srtpSessionSalt);
    const aes = createCipheriv("aes-128-ctr", this.srtpSessionKey, counter);
    const encrypted = aes.update(payload);
    aes.final();
    return Buffer.concat([head, encrypted, this.generateSrtpAuthTag(rollover, head, encrypted)]);
  };
}
