/**
 * What ffmpeg can do here for the live picture and the file.
 * @module
 */
import { type Ffmpeg, FfmpegError, findFfmpeg, tryEncoder } from "../ffmpeg.ts";
import { type Finding, missing, note, ok, required } from "./finding.ts";

const installFfmpeg = "install ffmpeg with libx264 and libvpx (Debian: sudo apt install ffmpeg)";

/** Each encoder is tried, not looked up: what needs hardware is in the list wherever it was compiled in. */
export async function encoderFindings(configured: string | undefined): Promise<Finding[]> {
  let ffmpeg: Ffmpeg;
  try {
    ffmpeg = await findFfmpeg({ configured });
  } catch (cause) {
    if (!(cause instanceof FfmpegError)) throw cause;
    return [required(missing("ffmpeg", cause.message, configured ? undefined : installFfmpeg))];
  }
  return [
    ok("ffmpeg", `${ffmpeg.version}, "${ffmpeg.path}"`),
    await neededEncoder(ffmpeg, "H.264", "libx264"),
    await neededEncoder(ffmpeg, "VP8", "libvpx"),
    await nvenc(ffmpeg),
  ];
}

async function neededEncoder(ffmpeg: Ffmpeg, codec: string, encoder: string): Promise<Finding> {
  const trial = await tryEncoder(ffmpeg, encoder);
  return trial.kind === "works"
    ? ok(codec, encoder)
    : required(missing(codec, `${encoder}: ${trial.why}`, installFfmpeg));
}

/** Nothing is wrong without it: docs/decisions/0022-memory-plan.md says why framecast encodes on the processor. */
async function nvenc(ffmpeg: Ffmpeg): Promise<Finding> {
  const trial = await tryEncoder(ffmpeg, "h264_nvenc");
  return trial.kind === "works" ? ok("NVENC", "h264_nvenc works") : note("NVENC", `h264_nvenc: ${trial.why}`);
}
