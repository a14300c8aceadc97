/**
 * What every sender of the fan-out figure sends, and how it is asked: `POST /whep` for a viewer, `GET /cost` for what it
 * has cost so far.
 * @module
 */
import process from "node:process";
import type { AccessUnit } from "../../src/stream/access_unit.ts";

/** 1.5 Mbit/s: 6250 bytes a frame, at the payload size of the product six packets. */
export const frameRate = 30;
const data = new Uint8Array(6250).fill(0x5a);

/** Nobody decodes it, so any bytes will do. */
export function unitOf(frame: number): { readonly unit: AccessUnit; readonly rtpTimestamp: number } {
  const rtpTimestamp = (frame * 90_000 / frameRate) % 2 ** 32;
  return { unit: { frameNumber: frame, isKeyFrame: frame === 0, data }, rtpTimestamp };
}

/** Of a sender process, since it started. */
export interface SenderCost {
  /** Of all threads, user and system. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly frames: number;
  /** Frames that began more than 5 ms after their time: the process had no processor, or was busy with the one before. */
  readonly lateFrames: number;
}

/** Calls `send` in every tick, and answers over HTTP; prints its address as the first line. */
export function serveStream(
  { answer, send }: {
    readonly answer: (offerSdp: string) => Promise<string>;
    readonly send: (frame: number) => void;
  },
): void {
  const startMs = performance.now();
  let [frame, frames, lateFrames] = [0, 0, 0];
  const tick = () => {
    const dueMs = startMs + frame * 1000 / frameRate;
    if (performance.now() - dueMs > 5) lateFrames++;
    send(frame);
    frames++;
    const elapsedMs = performance.now() - startMs;
    frame = Math.max(frame + 1, Math.floor(elapsedMs * frameRate / 1000)); // what is missed is left out, as in the product
    setTimeout(tick, Math.max(0, frame * 1000 / frameRate - elapsedMs));
  };
  tick();
  const cost = (): SenderCost => {
    const { user, system } = process.cpuUsage();
    const wallSeconds = (performance.now() - startMs) / 1000;
    return { cpuSeconds: (user + system) / 1e6, wallSeconds, frames, lateFrames };
  };
  const onListen = ({ port }: Deno.NetAddr) =>
    void Deno.stdout.writeSync(new TextEncoder().encode(`http://127.0.0.1:${port}\n`));
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, async (request) => {
    if (request.method === "GET") return Response.json(cost());
    return new Response(await answer(await request.text()), { status: 201 });
  });
}
