import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../log.ts";
import { Figures } from "./figures.ts";
import { folderOf, makeFolder } from "./folder.ts";
import { Gallery } from "./gallery.ts";
import { blank } from "./pictures.ts";

const plan = {
  format: { widthPx: 16, heightPx: 16, frameRate: 30 },
  frames: 37,
  sections: [{ start: 0, end: 37 }],
};

/** A gallery in a folder of its own, and how a session's pictures come into it. */
async function openGallery() {
  const dataDir = await mkdtemp(join(tmpdir(), "framecast-gallery-"));
  const ffmpeg = {
    path: "none",
    version: "none",
    encoders: new Set<string>(),
    start: () => assert.fail("nobody watches"),
  };
  const tools = { ffmpeg, network: { hostAddresses: [] }, limits: { viewers: 1, viewersPerAddress: 1 } };
  const gallery = new Gallery({ dataDir, tools, log: createLog({ level: "silent" }), figures: new Figures() });
  return {
    gallery,
    framesOf: (id: string) => folderOf(dataDir, id).frames,
    open: async (id: string) => {
      await makeFolder(folderOf(dataDir, id));
      return await gallery.open(id, plan, blank(16, 16));
    },
    async [Symbol.asyncDispose]() {
      await gallery[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
}

Deno.test("Gallery.tidy() leaves alone what is opened while it closes others", async () => {
  await using fixture = await openGallery();
  const { gallery, open } = fixture;
  const kept = await open("kept");
  await open("idle");
  await open("idle-too");
  const tidied = gallery.tidy(new Set(["kept"]));
  const late = await open("late");
  await tidied;
  const batch = { firstFrameIndex: 0, pixels: new Uint8Array(16 * 16 * 3), state: "final" } as const;
  await late.write(batch);
  await kept.write(batch);
  assert.equal(gallery.streams.length, 2);
});

Deno.test("A gallery that ends waits for what is being closed already", async () => {
  await using fixture = await openGallery();
  const { gallery, open, framesOf } = fixture;
  await open("idle");
  const tidied = gallery.tidy(new Set());
  await gallery[Symbol.asyncDispose]();
  assert.equal(existsSync(framesOf("idle")), false);
  await tidied;
});
