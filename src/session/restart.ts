/**
 * What a server that starts makes of the sessions an earlier one left.
 * @module
 */
import { readFile } from "node:fs/promises";
import type { GenerationRequest } from "../engine/mod.ts";
import { coverImage, decodeImage } from "../image.ts";
import type { RgbImage, VideoPlan } from "../video.ts";
import type { SessionFolder } from "./folder.ts";
import { plannedMap } from "./frame_map.ts";
import type { Models } from "./models.ts";
import { blank } from "./pictures.ts";
import { type Problem, problem } from "./problem.ts";
import type { SessionOrder } from "./order.ts";
import type { SessionView } from "./view.ts";

/** A session that was running when its server died: nothing of it is left but the settings and the start picture. */
export function afterCrash(view: SessionView, nowMs: number): SessionView & { problem: Problem } {
  return {
    ...view,
    state: "failed",
    frameMap: [...plannedMap(view.plan.frames)],
    progress: { ...view.progress, phase: "ended" },
    timings: { ...view.timings, endedAt: new Date(nowMs).toISOString(), remainingSeconds: 0, remainingIsGuess: false },
    viewers: 0,
    problem: problem(
      "server-died",
      "The server stopped while it made this video. Nothing of it was kept; start it again.",
    ),
  };
}

/** The plan of a stored view. */
export function planOf({ plan }: SessionView): VideoPlan {
  const { widthPx, heightPx, frameRate, frames, sections } = plan;
  return { format: { widthPx, heightPx, frameRate }, frames, sections };
}

/** The order a stored view came from. */
export function orderOf(view: SessionView, folder: SessionFolder): SessionOrder {
  const { id, settings, channel, createdAt } = view;
  return { id, settings, channel, createdAtMs: Date.parse(createdAt), plan: planOf(view), videoFile: folder.video };
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
