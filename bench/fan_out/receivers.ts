/**
 * Many viewers in one process. They join as any other, then read of each packet only its number, so that they cost this
 * machine as little as possible, and never ask for one again.
 *
 *     deno run … bench/fan_out/receivers.ts ADDRESS COUNT SECONDS
 *
 * Prints "watching" once packets have come to each, waits for a line, counts for so many seconds, and prints a
 * `Reception`.
 * @module
 */
import { type RTCIceTransport, RTCPeerConnection, useVP8 } from "werift";
import { linesOf } from "../lines.ts";

/** Of all viewers together, from the first packet of each to its last. */
export interface Reception {
  readonly packets: number;
  readonly lost: number;
}

/** What werift keeps to itself: where datagrams of a connection come in. */
interface Datagrams {
  onData(data: Uint8Array, from: readonly [string, number]): void;
}

/** Counts packets by their number, across the wrap of 16 bits. */
class Tally {
  packets = 0;
  isCounting = false;
  #first: number | undefined;
  #newest = 0;
  readonly #seen = new Set<number>();

  add(sequenceNumber: number): void {
    this.packets++;
    if (!this.isCounting) return;
    this.#first ??= this.#newest = sequenceNumber;
    const number = this.#newest + ((sequenceNumber - this.#newest) << 16 >> 16);
    if (number < this.#first) return; // sent again, from before
    this.#newest = Math.max(this.#newest, number);
    this.#seen.add(number);
  }

  get reception(): Reception {
    const expected = this.#first === undefined ? 0 : this.#newest - this.#first + 1;
    return { packets: this.#seen.size, lost: expected - this.#seen.size };
  }
}

const [address, count, seconds] = Deno.args;
const firstPackets = 10;
const watching: Tally[] = [];
while (watching.length < Number(count)) {
  const tally = await join(`${address}/whep`);
  if (tally) watching.push(tally);
}
print("watching");
await linesOf(Deno.stdin.readable)[Symbol.asyncIterator]().next();
for (const tally of watching) tally.isCounting = true;
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
for (const tally of watching) tally.isCounting = false;
const receptions = watching.map(({ reception }) => reception);
const sum = (field: keyof Reception) => receptions.reduce((total, reception) => total + reception[field], 0);
print(JSON.stringify({ packets: sum("packets"), lost: sum("lost") } satisfies Reception));
Deno.exit(0);

/** Resolves with the first packets; with nothing when none came within five seconds. */
async function join(url: string): Promise<Tally | undefined> {
  const peer = new RTCPeerConnection({
    codecs: { video: [useVP8()], audio: [] },
    iceServers: [{ urls: "stun:127.0.0.1:9" }],
    iceStunGatherTimeout: 0.001,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ["127.0.0.1"],
  });
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const tally = new Tally();
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  peer.iceTransports.forEach((transport) => countPackets(transport, tally, resolve));
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(url, { method: "POST", headers, body: peer.localDescription!.sdp });
  if (!response.ok) throw new Error(await response.text());
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  const late = setTimeout(resolve, 5000);
  await arrived;
  clearTimeout(late);
  if (tally.packets < firstPackets) await peer.close();
  return tally.packets < firstPackets ? undefined : tally;
}

/** werift gets the first packets, so that it reports back as a viewer does; the others are counted and dropped. */
function countPackets({ connection }: RTCIceTransport, tally: Tally, arrived: () => void): void {
  const { protocols } = connection as unknown as { readonly protocols: readonly { transport: Datagrams }[] };
  for (const { transport } of protocols) {
    const take = transport.onData;
    transport.onData = (data, from) => {
      if (!isRtp(data)) return take(data, from);
      tally.add(data[2]! << 8 | data[3]!);
      if (tally.packets <= firstPackets) take(data, from);
      if (tally.packets === firstPackets) arrived();
    };
  }
}

/** RFC 5761 section 4, RFC 7983 section 7. */
function isRtp(data: Uint8Array): boolean {
  const isMedia = data[0]! >= 128 && data[0]! < 192;
  const isRtcp = data[1]! >= 192 && data[1]! < 224;
  return isMedia && !isRtcp;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
