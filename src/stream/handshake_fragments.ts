/**
 * Puts the fragments of DTLS handshake messages together (RFC 6347 section 4.2.3) where werift takes any last fragment for
 * the end of a whole message: a ClientHello of today is longer than a datagram, and when its first half is lost, werift
 * would read the zeros in its place, fail and give the connection up. Pure.
 * @module
 */

/** Offset and lengths in bytes. */
export interface HandshakeFragment {
  // deno-lint-ignore camelcase -- werift's names
  readonly message_seq: number;
  /** Of the whole message. */
  readonly length: number;
  // deno-lint-ignore camelcase
  readonly fragment_offset: number;
  // deno-lint-ignore camelcase
  readonly fragment_length: number;
}

/** A peer that sends more than these means harm: the longest flight has five messages of a few kilobytes. */
const messagesMax = 8;
const fragmentsMax = 32;

/** Keeps fragments until their message has no hole, then gives all of it, in order. */
export function createFragmentCollector(): <Fragment extends HandshakeFragment>(fragments: Fragment[]) => Fragment[] {
  const waiting = new Map<number, Map<number, HandshakeFragment>>();
  return <Fragment extends HandshakeFragment>(fragments: Fragment[]) =>
    fragments.flatMap((fragment) => {
      const { message_seq, length, fragment_offset, fragment_length } = fragment;
      if (fragment_length === length) return [fragment];
      const parts = waiting.get(message_seq) ?? new Map<number, HandshakeFragment>();
      if (parts.size === fragmentsMax || (parts.size === 0 && waiting.size === messagesMax)) return [];
      waiting.set(message_seq, parts.set(fragment_offset, fragment));
      const sorted = [...parts.values()].toSorted((a, b) => a.fragment_offset - b.fragment_offset);
      if (!isWhole(sorted, length)) return [];
      waiting.delete(message_seq);
      return sorted as Fragment[];
    });
}

/** @param fragments sorted by offset; they may overlap */
function isWhole(fragments: readonly HandshakeFragment[], length: number): boolean {
  let end = 0;
  for (const { fragment_offset, fragment_length } of fragments) {
    if (fragment_offset > end) return false;
    end = Math.max(end, fragment_offset + fragment_length);
  }
  return end >= length;
}
