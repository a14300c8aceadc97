/**
 * A guard for werift's DTLS. A peer repeats its flight when the answer takes longer than 50 ms. werift works through the
 * repeated messages once more and makes new keys: both sides then say "connected", but nothing can be decrypted. On a bad
 * line it makes wrong keys also of a flight with a hole. Pure.
 * @module
 */

/** RFC 6347 section 4.2.2. */
export interface HandshakeMessage {
  // deno-lint-ignore camelcase -- werift's names
  readonly msg_type: number;
  // deno-lint-ignore camelcase
  readonly message_seq: number;
}

const clientHello = 1;
const finished = 20;

/**
 * Lets each message through once and in the order it was sent in, as RFC 6347 section 4.2.2 asks. werift sorts by type and
 * makes its keys from what it has got by then, so a message that comes before an earlier one, which got lost, is left to be
 * repeated with it. Two kinds may come again, since their answer may have been lost and repeating it is harmless:
 * Finished, and a ClientHello as long as nothing newer has arrived.
 */
export function createHandshakeFilter(): <Message extends HandshakeMessage>(messages: Message[]) => Message[] {
  let expected: number | undefined;
  return (messages) =>
    messages.toSorted((a, b) => a.message_seq - b.message_seq).filter(({ msg_type, message_seq }) => {
      expected ??= message_seq;
      if (message_seq > expected) return false;
      if (message_seq < expected) {
        return msg_type === finished || (msg_type === clientHello && message_seq === expected - 1);
      }
      expected++;
      return true;
    });
}
