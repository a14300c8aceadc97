/**
 * How many frames a session's file decodes to.
 * @module
 */
import { join } from "node:path";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { readFileFrames } from "../src/session/file_frames.ts";
import type { SessionView } from "../src/session/mod.ts";
import type { TestServer } from "./server_fixture.ts";

export async function framesInFile(view: SessionView, server: TestServer): Promise<number> {
  const ffmpeg = await findFfmpeg();
  const { widthPx, heightPx, frameRate } = view.plan;
  const file = join(server.dataDir, "sessions", view.id, "video.mp4");
  let frames = 0;
  const range = { first: 0, frames: view.video!.frames };
  for await (const pixels of readFileFrames(ffmpeg, file, { widthPx, heightPx, frameRate }, range, 10)) {
    frames += pixels.length / (widthPx * heightPx * 3);
  }
  return frames;
}
