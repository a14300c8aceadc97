/**
 * Many viewers in one process that count what they get.
 *
 *     deno run … bench/receivers.ts WHEP_URL COUNT
 *
 * Prints "watching" once packets have come to each. Then, for each line with a number of seconds, counts for so long and
 * prints a `Reception`.
 * @module
 */
import { joinCounting } from "./counting_peer.ts";
import { linesOf } from "./lines.ts";

/** Of all viewers together; `lost` from the first packet of each to its last. */
export interface Reception {
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
}

const joinLimitMs = 5000;

/** Counts packets by their number, across the wrap of 16 bits. */
class Tally {
  #bytes = 0;
  #first: number | undefined;
  #newest = 0;
  readonly #seen = new Set<number>();

  add(packet: Uint8Array): void {
    const sequenceNumber = packet[2]! << 8 | packet[3]!;
    this.#bytes += packet.length;
    this.#first ??= this.#newest = sequenceNumber;
    const number = this.#newest + ((sequenceNumber - this.#newest) << 16 >> 16);
    if (number < this.#first) return; // sent again, from before
    this.#newest = Math.max(this.#newest, number);
    this.#seen.add(number);
  }

  get reception(): Reception {
    const expected = this.#first === undefined ? 0 : this.#newest - this.#first + 1;
    return { packets: this.#seen.size, bytes: this.#bytes, lost: expected - this.#seen.size };
  }
}

interface Receiver {
  tally: Tally;
}

const [url, count] = Deno.args;
const receivers: Receiver[] = [];
while (receivers.length < Number(count)) {
  const receiver = await join();
  if (receiver) receivers.push(receiver);
}
print("watching");
for await (const line of linesOf(Deno.stdin.readable)) {
  for (const receiver of receivers) receiver.tally = new Tally();
  await new Promise((resolve) => setTimeout(resolve, Number(line) * 1000));
  const receptions = receivers.map(({ tally }) => tally.reception);
  const sum = (field: keyof Reception) => receptions.reduce((total, reception) => total + reception[field], 0);
  print(JSON.stringify({ packets: sum("packets"), bytes: sum("bytes"), lost: sum("lost") } satisfies Reception));
}
Deno.exit(0);

/** Resolves with the first packet; with nothing when none has come in time. */
async function join(): Promise<Receiver | undefined> {
  const receiver: Receiver = { tally: new Tally() };
  const { promise, resolve } = Promise.withResolvers<Receiver | undefined>();
  const late = setTimeout(() => resolve(undefined), joinLimitMs);
  const peer = await joinCounting(url!, (packet) => {
    receiver.tally.add(packet);
    resolve(receiver);
  });
  const joined = await promise;
  clearTimeout(late);
  if (!joined) await peer.close();
  return joined;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
