/**
 * A bad line between viewers and a server: HTTP goes through whole, but of the UDP some gets lost.
 * @module
 */
import { createSocket, type Socket } from "node:dgram";

export interface LossyLine extends AsyncDisposable {
  /** The server's address through this line, without a slash at its end. */
  readonly url: string;
  /** Datagrams so far, of both directions together. */
  readonly passed: number;
  readonly lost: number;
}

export interface LossyLineOptions {
  /** The server's own address. */
  readonly server: string;
  /** 0 to 1, of all datagrams in both directions, handshakes and feedback included. */
  readonly lossShare: number;
  /** 0 ≤ x < 1, a new number for each datagram. */
  readonly random: () => number;
}

/** In every WHEP answer it puts itself in the server's place. */
export function openLossyLine({ server, lossShare, random }: LossyLineOptions): LossyLine {
  const sockets: Socket[] = [];
  let [passed, lost] = [0, 0];
  const open = async (forward: (data: Uint8Array, from: Address) => void): Promise<Socket> => {
    const socket = createSocket("udp4");
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    socket.on("message", (data, from) => {
      if (random() < lossShare) return void lost++;
      passed++;
      forward(data, from);
    });
    return socket;
  };
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const response = await fetchFrom(server, request);
    if (response.headers.get("content-type") !== "application/sdp") return response;
    const answer = await response.text();
    const port = await relayTo(portIn(answer), open);
    return new Response(throughPort(answer, port), response);
  });
  return {
    url: `http://127.0.0.1:${http.addr.port}`,
    get passed() {
      return passed;
    },
    get lost() {
      return lost;
    },
    async [Symbol.asyncDispose]() {
      await http.shutdown();
      await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}

interface Address {
  readonly address: string;
  readonly port: number;
}

/** As a program that is no browser: to the server the page would be a foreign one. */
async function fetchFrom(server: string, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of ["host", "origin"]) headers.delete(name);
  const body = request.body ? { body: await request.arrayBuffer() } : {};
  return await fetch(server + pathname + search, { method: request.method, headers, ...body });
}

/** One socket that viewers find, and for each of their addresses one towards the server. @returns the first one's port */
async function relayTo(
  port: number,
  open: (forward: (data: Uint8Array, from: Address) => void) => Promise<Socket>,
): Promise<number> {
  const far = new Map<string, Promise<Socket>>();
  const near = await open(async (data, viewer) => {
    const key = `${viewer.address}:${viewer.port}`;
    if (!far.has(key)) far.set(key, open((answer) => near.send(answer, viewer.port, viewer.address)));
    (await far.get(key)!).send(data, port, "127.0.0.1");
  });
  return near.address().port;
}

function portIn(answerSdp: string): number {
  const [, port] = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host/im.exec(answerSdp) ?? [];
  if (!port) throw new Error(`The answer has no candidate on 127.0.0.1: ${answerSdp}`);
  return Number(port);
}

/** One candidate (RFC 8839, 5.1), and no way around it. */
function throughPort(answerSdp: string, port: number): string {
  const candidate = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host`;
  const lines = answerSdp.split("\r\n");
  const first = lines.findIndex((line) => line.startsWith("a=candidate:"));
  return lines.flatMap((line, index) => {
    if (index === first) return [candidate];
    return line.startsWith("a=candidate:") ? [] : [line];
  }).join("\r\n");
}
