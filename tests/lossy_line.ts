/**
 * A bad line between a viewer and the server: UDP goes through here, and some of it gets lost.
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { Buffer } from "node:buffer";

export interface LossyLine extends AsyncDisposable {
  /** The answer of a WHEP server with this line's address in place of the server's. Once for each viewer. */
  through(answerSdp: string): Promise<string>;
  /** Datagrams so far, of both directions together. */
  readonly passed: number;
  readonly lost: number;
}

/**
 * @param options.lossShare 0 to 1, of all datagrams in both directions, handshakes and feedback included
 * @param options.random 0 ≤ x < 1, one number per datagram
 */
export function openLossyLine(
  { lossShare, random }: { readonly lossShare: number; readonly random: () => number },
): LossyLine {
  const sockets: Socket[] = [];
  let [passed, lost] = [0, 0];
  const open = async (onDatagram: (data: Uint8Array, from: Address) => void): Promise<Socket> => {
    const socket = createSocket("udp4");
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    socket.on("message", (data, from) => {
      if (random() < lossShare) return void lost++;
      passed++;
      onDatagram(Buffer.from(data), from);
    });
    return socket;
  };
  return {
    async through(answerSdp) {
      const [, port] = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host/im.exec(answerSdp) ?? [];
      if (!port) throw new Error(`The answer has no candidate on 127.0.0.1: ${answerSdp}`);
      const server = { address: "127.0.0.1", port: Number(port) };
      const towardsServer = new Map<string, Promise<Socket>>();
      const near = await open(async (data, viewer) => {
        const key = `${viewer.address}:${viewer.port}`;
        if (!towardsServer.has(key)) towardsServer.set(key, open((answer) => send(near, answer, viewer)));
        send(await towardsServer.get(key)!, data, server);
      });
      return throughOnly(answerSdp, near.address().port);
    },
    get passed() {
      return passed;
    },
    get lost() {
      return lost;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}

interface Address {
  readonly address: string;
  readonly port: number;
}

function send(socket: Socket, data: Uint8Array, { address, port }: Address): void {
  socket.send(data, port, address);
}

/** One candidate (RFC 8839, 5.1), and no way around it. */
function throughOnly(answerSdp: string, port: number): string {
  const candidate = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host`;
  const lines = answerSdp.split("\r\n");
  const first = lines.findIndex((line) => line.startsWith("a=candidate:"));
  return lines.flatMap((line, index) => {
    if (index === first) return [candidate];
    return line.startsWith("a=candidate:") ? [] : [line];
  }).join("\r\n");
}
