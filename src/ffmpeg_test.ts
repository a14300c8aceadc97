import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { findFfmpeg, parseEncoders, tryEncoder } from "./ffmpeg.ts";

const table = `Encoders:
 V..... = Video
 A..... = Audio
 .....D = Supports direct rendering method 1
 ------
 V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC (codec h264)
 VF..X. apng                 APNG image
 A....D aac                  AAC (Advanced Audio Coding)
`;

Deno.test("parseEncoders() takes the names and not the legend", () => {
  assert.deepEqual(parseEncoders(table), new Set(["libx264", "apng", "aac"]));
  assert.deepEqual(parseEncoders(""), new Set());
});

Deno.test("findFfmpeg() finds one with the encoders that are needed", async () => {
  const ffmpeg = await findFfmpeg();
  assert.ok(ffmpeg.encoders.has("libx264") && ffmpeg.encoders.has("libvpx"));
  assert.notEqual(ffmpeg.version, "unknown");
});

Deno.test("tryEncoder() finds those that work and says why others do not", async () => {
  const ffmpeg = await findFfmpeg();
  for (const encoder of ["libx264", "libvpx"]) assert.deepEqual(await tryEncoder(ffmpeg, encoder), { kind: "works" });
  assert.deepEqual(await tryEncoder(ffmpeg, "libnone"), {
    kind: "fails",
    why: "this ffmpeg was built without libnone",
  });
  // In the list, and ffmpeg knows nothing of it: as with an encoder whose hardware is absent, the list proves nothing.
  const boasting = { ...ffmpeg, encoders: new Set(["libnone"]) };
  assert.deepEqual(await tryEncoder(boasting, "libnone"), { kind: "fails", why: "Unknown encoder 'libnone'" });
});

/** What is found, or why nothing is, in a process of its own that may start any program. */
async function findElsewhere(
  { configured = "", searchPath }: { configured?: string; searchPath?: string },
): Promise<string> {
  const { href } = new URL("ffmpeg.ts", import.meta.url);
  const script = `import { findFfmpeg } from "${href}";
    const configured = ${JSON.stringify(configured)};
    console.log(await findFfmpeg({ configured }).then(({ path }) => path, (error) => error.name + ": " + error.message));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: searchPath === undefined ? {} : { PATH: searchPath },
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("findFfmpeg() falls back to the npm package's binary", async () => {
  assert.match(await findElsewhere({ searchPath: "/nowhere" }), /@ffmpeg-installer\/.*ffmpeg$/);
});

Deno.test("findFfmpeg() says which configured path it cannot start, and takes no other", async () => {
  const refusal = "FfmpegError: Cannot start the ffmpeg that FRAMECAST_FFMPEG names:";
  const missing = await findElsewhere({ configured: "/no/such/ffmpeg" });
  assert.equal(missing, `${refusal} "/no/such/ffmpeg" cannot be started: there is no such program`);
  const other = await findElsewhere({ configured: "/bin/true" });
  assert.equal(other, `${refusal} "/bin/true" lists no encoders, so it is not an ffmpeg`);
  const file = await Deno.makeTempFile();
  const closed = await findElsewhere({ configured: file });
  assert.equal(closed, `${refusal} "${file}" cannot be started: it is not executable, run chmod +x on it`);
  await Deno.remove(file);
});

Deno.test("FfmpegProcess.status tells how it ended and keeps what it printed last", async () => {
  const ffmpeg = await findFfmpeg();
  await using process = ffmpeg.start(["-hide_banner", "-i", "/no/such/video.mp4"]);
  const { success, stderrTail } = await process.status;
  assert.equal(success, false);
  assert.match(stderrTail, /\/no\/such\/video\.mp4: No such file/);
});

Deno.test("FfmpegProcess is gone once disposed, even while it works", async () => {
  const ffmpeg = await findFfmpeg();
  const process = ffmpeg.start(["-f", "lavfi", "-i", "testsrc", "-f", "rawvideo", "pipe:1"]);
  await process[Symbol.asyncDispose]();
  assert.equal((await process.status).signal, "SIGKILL");
});
