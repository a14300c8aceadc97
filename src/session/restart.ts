/**
 * What a server that starts makes of the sessions an earlier one left.
 * @module
 */
import { readFile } from "node:fs/promises";
import type { GenerationRequest } from "../engine/mod.ts";
import { coverImage, decodeImage } from "../image.ts";
import type { Log } from "../log.ts";
import { reopenFrameStore } from "../stream/mod.ts";
import type { RgbImage, VideoPlan } from "../video.ts";
import type { SessionFolder } from "./folder.ts";
import { endedMap, keptRange, plannedMap } from "./frame_map.ts";
import type { Models } from "./models.ts";
import { blank, type StreamTools } from "./pictures.ts";
import { type Problem, problem } from "./problem.ts";
import { type SessionOrder, withPrompt } from "./order.ts";
import { writeVideo } from "./video_file.ts";
import type { SessionView } from "./view.ts";

/**
 * The file of what a dead server had made of a session, as far as its record tells of it: its finished sections. Null where
 * there is none, or where the frames cannot be read any more.
 */
export async function salvage(
  view: SessionView,
  folder: SessionFolder,
  { tools, log }: { readonly tools: StreamTools; readonly log: Log },
): Promise<SessionView["video"]> {
  const kept = keptRange(view.frameMap);
  if (kept === null) return null;
  try {
    const order = orderOf(view, folder);
    await using frames = await reopenFrameStore(folder.frames, order.plan, [{ ...kept, state: "final" }]);
    return await writeVideo(order, kept, { frames, tools, log });
  } catch (error) {
    log.error("recording.lost", { id: view.id, error });
    return null;
  }
}

/** A session that was running when its server died: failed, unless all of it was there. @param video what was salvaged */
export function afterCrash(view: SessionView, video: SessionView["video"], nowMs: number): SessionView {
  const kept = video && { start: video.firstFrameIndex, end: video.firstFrameIndex + video.frames };
  const isWhole = video?.frames === view.plan.frames;
  return {
    ...view,
    state: isWhole ? "completed" : "failed",
    frameMap: [...endedMap(plannedMap(view.plan.frames), kept)],
    video,
    progress: { ...view.progress, phase: "ended" },
    timings: { ...view.timings, endedAt: new Date(nowMs).toISOString(), remainingSeconds: 0, remainingIsGuess: false },
    viewers: 0,
    ...(isWhole ? {} : { problem: interrupted(video) }),
  };
}

function interrupted(video: SessionView["video"]): Problem {
  const left = video
    ? `${video.seconds.toFixed(1)} s of it are kept; start it again for the rest.`
    : "Nothing of it was kept; start it again.";
  return problem("server-died", `The server stopped while it made this video. ${left}`);
}

/** The plan of a stored view. */
export function planOf({ plan }: SessionView): VideoPlan {
  const { widthPx, heightPx, frameRate, frames, sections } = plan;
  return { format: { widthPx, heightPx, frameRate }, frames, sections };
}

/** The order a stored view came from, with the prompt that was asked for last. */
export function orderOf(view: SessionView, folder: SessionFolder): SessionOrder {
  const { id, settings, channel, createdAt, nextPrompt, timings } = view;
  const order = { id, settings, channel, createdAtMs: Date.parse(createdAt), plan: planOf(view), folder };
  return nextPrompt === undefined ? order : withPrompt(nextPrompt, order, timings.sections.length);
}

/** The start picture at the video's size, black when it cannot be read any more. */
export async function placeholderOf(folder: SessionFolder, { format }: VideoPlan): Promise<RgbImage> {
  const { widthPx, heightPx } = format;
  try {
    return await coverImage(await decodeImage(await readFile(folder.start)), format);
  } catch {
    return blank(widthPx, heightPx); // its turn will tell what is wrong with it
  }
}

/** What the engine needs for a session, read from its folder when its turn comes. */
export async function requestOf(
  { model, loras, start: _start, endStrength, keepRecipe: _choice, ...settings }: SessionView["settings"],
  folder: SessionFolder,
  models: Models,
): Promise<GenerationRequest> {
  const found = await models.find(model);
  const read = async (path: string) => await decodeImage(await readFile(path));
  return {
    image: await read(folder.start),
    settings,
    modelDir: found.dir,
    loras: await models.loraFiles(found, loras),
    ...(endStrength === null ? {} : { end: { image: await read(folder.end), strength: endStrength } }),
  };
}
