/**
 * A guard for werift's DTLS. A peer repeats its flight when the answer takes longer than 50 ms. werift works through the
 * repeated messages once more and makes new keys: both sides then say "connected", but nothing can be decrypted. Pure.
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
 * Lets each message through once. Two kinds may come again, since their answer may have been lost and repeating it is
 * harmless: Finished, and a ClientHello as long as nothing newer has arrived.
 */
export function createHandshakeFilter(): <Message extends HandshakeMessage>(messages: Message[]) => Message[] {
  const seen = new Set<string>();
  let newest = -1;
  return (messages) =>
    messages.filter(({ msg_type, message_seq }) => {
      const key = `${msg_type}:${message_seq}`;
      const isRepeated = seen.has(key);
      const mayRepeat = msg_type === finished || (msg_type === clientHello && message_seq === newest);
      seen.add(key);
      newest = Math.max(newest, message_seq);
      return !isRepeated || mayRepeat;
    });
}
