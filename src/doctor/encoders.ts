/**
 * What ffmpeg can do here for the live picture and the file.
 * @module
 */
import { type Ffmpeg, FfmpegError, findFfmpeg, nvencArguments, tryEncoder } from "../ffmpeg.ts";
import { type Finding, missing, note, ok, required } from "./finding.ts";

/** As in the server's configuration. */
export interface EncoderSettings {
  readonly ffmpegPath: string | undefined;
  readonly fileEncoder: "auto" | "libx264" | "h264_nvenc";
}

const installFfmpeg = "install ffmpeg with libx264 and libvpx (Debian: sudo apt install ffmpeg)";

/** Each encoder is tried, not looked up: what needs hardware is in the list wherever it was compiled in. */
export async function encoderFindings({ ffmpegPath: configured, fileEncoder }: EncoderSettings): Promise<Finding[]> {
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
    await nvenc(ffmpeg, fileEncoder),
  ];
}

async function neededEncoder(ffmpeg: Ffmpeg, codec: string, encoder: string): Promise<Finding> {
  const trial = await tryEncoder(ffmpeg, encoder);
  return trial.kind === "works"
    ? ok(codec, encoder)
    : required(missing(codec, `${encoder}: ${trial.why}`, installFfmpeg));
}

/** Nothing is wrong without it: docs/decisions/0028-files-by-nvenc.md. */
async function nvenc(ffmpeg: Ffmpeg, wish: EncoderSettings["fileEncoder"]): Promise<Finding> {
  if (wish === "libx264") return note("NVENC", "not used: FRAMECAST_FILE_ENCODER is libx264");
  const trial = await tryEncoder(ffmpeg, "h264_nvenc", nvencArguments(0));
  if (trial.kind === "works") return ok("NVENC", "h264_nvenc makes the files of videos that a GPU makes");
  const what = `h264_nvenc: ${trial.why}`;
  return wish === "auto" ? note("NVENC", what) : required(missing("NVENC", `FRAMECAST_FILE_ENCODER asks for ${what}`));
}
