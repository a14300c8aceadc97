/** An independent WebRTC implementation, python3-aiortc, plays the live picture. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { codeOfCells } from "./block_code.js";
import { startTestStream } from "./test_pattern_stream.ts";

const python = "/usr/bin/python3";
const hasAiortc = await canRun(python, ["-c", "import aiortc, numpy"]);

async function canRun(program: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

interface AiortcFrame {
  readonly rtpTimestamp: number;
  readonly cells: readonly number[];
}

async function play(url: string, frames: number, codec: string) {
  const client = fileURLToPath(new URL("whep_aiortc_client.py", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(python, { args: [client, url, `${frames}`, codec] })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const [first, ...rest] = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const { deleteStatus } = rest.pop();
  return { ...first as { status: number; firstFrameSeconds: number }, deleteStatus, pictures: rest as AiortcFrame[] };
}

for (const codec of ["vp8", "h264"] as const) {
  Deno.test({
    name: `aiortc plays the live picture and gets every frame, ${codec}`,
    ignore: !hasAiortc,
    async fn() {
      await using stream = await startTestStream({
        schedule: "forward",
        durationSeconds: 6,
        widthPx: 320,
        heightPx: 256,
      });
      await stream.generate();
      const { status, deleteStatus, pictures } = await play(`${stream.url}whep?view=edge`, 120, codec);
      assert.deepEqual([status, deleteStatus], [201, 200]);
      const frames = pictures.map((picture) => codeOfCells(picture.cells)?.frame);
      assert.deepEqual(frames, Array.from({ length: 120 }, (_, k) => (frames[0]! + k) % stream.plan.frames));
      // aiortc counts from its first packet; 3000 of the 90 kHz clock are one frame, more where the server was held up.
      const steps = pictures.slice(1).map(({ rtpTimestamp }, k) => rtpTimestamp - pictures[k]!.rtpTimestamp);
      assert.ok(steps.every((step) => step > 0 && step % 3000 === 0));
      assert.equal(stream.live.viewers, 0);
    },
  });
}
