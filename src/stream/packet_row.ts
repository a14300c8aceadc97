/**
 * The numbers that packets get for one viewer: an unbroken row, whichever encoders the packets come from. Pure.
 * @module
 */
import type { Packet } from "./packetizer.ts";

/** What the header of a packet says about its place (RFC 3550 section 5.1). */
export interface PacketPlace {
  /** Below 2¹⁶, one more than that of the packet before. */
  readonly sequenceNumber: number;
  /** Below 2³², later than that of the picture before. */
  readonly timestamp: number;
}

/**
 * Sequence numbers of one viewer. Timestamps pass unchanged, but for one case: another encoder's first pictures may be
 * older than the last one the viewer got from its former encoder. Those follow it directly, as closely as the clock
 * allows, until the row has caught up.
 */
export class PacketRow {
  #sequenceNumber: number;
  /** Of the picture whose packets pass now, as it came and as it went. */
  #given: number | undefined;
  #sent = 0;

  /** @param firstSequenceNumber below 2¹⁶; random in the field (RFC 3550 section 5.1) */
  constructor(firstSequenceNumber: number) {
    this.#sequenceNumber = (firstSequenceNumber - 1) & 0xffff;
  }

  next({ timestamp }: Packet): PacketPlace {
    if (timestamp !== this.#given) {
      const isLater = this.#given === undefined || ((timestamp - this.#sent) | 0) > 0;
      this.#sent = isLater ? timestamp : (this.#sent + 1) % 2 ** 32;
      this.#given = timestamp;
    }
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    return { sequenceNumber: this.#sequenceNumber, timestamp: this.#sent };
  }

  /** The next packet begins another picture, even if its timestamp is that of the last one. */
  turn(): void {
    this.#given = this.#given === undefined ? undefined : Number.NaN;
  }
}
