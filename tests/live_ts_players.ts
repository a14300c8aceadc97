/**
 * Programs that play an MPEG-TS address, each as a stream of what its decoded pictures say.
 * @module
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeImage } from "../src/image.ts";
import { readBlockCode } from "./block_code.js";
import { installed } from "./started_program.ts";

/** Frame, state and section that stand in a picture; null where none could be read. */
export type Code = ReturnType<typeof readBlockCode>;

/** What the pictures are scaled to, so that a change of size in the stream does not change what is read. */
export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface Player {
  readonly name: string;
  /** Undefined: not installed. */
  readonly program: string | undefined;
  /** Plays from the call on; leaving the loop ends the program. */
  play(url: string, size: PictureSize): AsyncGenerator<Code>;
}

/** Options that any user would leave out; every picture is handed on as it was decoded, none twice, none left out. */
export const ffmpegPlayer: Player = {
  name: "ffmpeg",
  program: installed("/usr/bin/ffmpeg"),
  play: (url, size) =>
    rawPictures("/usr/bin/ffmpeg", size, [
      ...["-v", "error", "-analyzeduration", "500000", "-i", url, "-fps_mode", "passthrough"],
      ...["-vf", `scale=${size.widthPx}:${size.heightPx}`, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
    ]),
};

export const gstreamerPlayer: Player = {
  name: "GStreamer",
  program: installed("/usr/bin/gst-launch-1.0"),
  play: (url, size) =>
    rawPictures("/usr/bin/gst-launch-1.0", size, [
      ...`-q souphttpsrc is-live=true location=${url} ! tsdemux ! h264parse ! avdec_h264 ! videoconvert`.split(" "),
      ...`! videoscale ! video/x-raw,format=RGB,width=${size.widthPx},height=${size.heightPx} ! fdsink`.split(" "),
    ]),
};

export const mpvPlayer: Player = {
  name: "mpv",
  program: installed("/usr/bin/mpv"),
  play: (url) =>
    pictureFiles("/usr/bin/mpv", (directory) => [
      ...["--no-config", "--no-audio", "--vo=image", "--vo-image-format=png", `--vo-image-outdir=${directory}`],
      ...["--frames=40", url],
    ]),
};

/** VLC refuses to run as root; started by root it runs as nobody. */
export const vlcPlayer: Player = {
  name: "VLC",
  program: installed("/usr/bin/cvlc"),
  play: (url) =>
    pictureFiles("/usr/bin/cvlc", (directory) => [
      ...["--intf", "dummy", "--no-audio", "--vout", "dummy", "--run-time", "3", "--play-and-exit"],
      ...["--video-filter", "scene", "--scene-format", "png", "--scene-ratio", "1", "--scene-path", directory],
      ...[url, "vlc://quit"],
    ]),
};

/** RGB24 pictures from a program's stdout. */
async function* rawPictures(program: string, size: PictureSize, args: readonly string[]): AsyncGenerator<Code> {
  const child = new Deno.Command(program, { args: [...args], stdout: "piped", stderr: "null" }).spawn();
  const picture = new Uint8Array(size.widthPx * size.heightPx * 3);
  let filled = 0;
  try {
    for await (let part of child.stdout) {
      while (part.length > 0) {
        const taken = part.subarray(0, picture.length - filled);
        picture.set(taken, filled);
        filled += taken.length;
        part = part.subarray(taken.length);
        if (filled < picture.length) continue;
        filled = 0;
        yield codeOf({ ...size, pixels: picture });
      }
    }
  } finally {
    try {
      child.kill("SIGKILL");
    } catch { // it has ended by itself
    }
    await child.status;
  }
}

/** The pictures that a program wrote into a folder until it ended. */
async function* pictureFiles(program: string, args: (directory: string) => string[]): AsyncGenerator<Code> {
  const home = await mkdtemp(join(tmpdir(), "framecast-player-"));
  const directory = join(home, "pictures");
  try {
    await mkdir(directory);
    for (const path of [home, directory]) await chmod(path, 0o777);
    const nobody = Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};
    await new Deno.Command(program, {
      args: args(directory),
      cwd: home,
      env: { HOME: home, XDG_RUNTIME_DIR: home },
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...nobody,
    }).output();
    for (const name of (await readdir(directory)).toSorted()) {
      yield codeOf(await decodeImage(new Uint8Array(await readFile(join(directory, name)))));
    }
  } finally {
    await rm(home, { recursive: true });
  }
}

function codeOf({ widthPx, heightPx, pixels }: PictureSize & { readonly pixels: Uint8Array }): Code {
  return readBlockCode({ width: widthPx, height: heightPx, data: pixels });
}
