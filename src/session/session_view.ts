/**
 * A session as the outside sees it.
 * @module
 */
import type { GenerationFacts } from "./generation_facts.ts";
import { linksOf } from "./links.ts";
import type { SessionOrder } from "./order.ts";
import type { SessionView } from "./view.ts";

/** What changes from moment to moment, and is no fact of the generation. */
export type Moment = Pick<SessionView, "state" | "timings" | "viewers" | "video"> & {
  readonly queue: SessionView["queue"];
  readonly problem: SessionView["problem"] | undefined;
  readonly nextPrompt: string | undefined;
};

export function viewOf(
  { id, createdAtMs, settings, channel }: SessionOrder,
  { plan, frameMap, progress, prompt, memory }: GenerationFacts,
  { state, queue, timings, viewers, video, problem, nextPrompt }: Moment,
): SessionView {
  const { widthPx, heightPx, frameRate } = plan.format;
  const seconds = plan.frames / frameRate;
  return {
    id,
    state,
    createdAt: new Date(createdAtMs).toISOString(),
    settings,
    channel,
    plan: { sections: [...plan.sections], frames: plan.frames, widthPx, heightPx, frameRate, seconds },
    frameMap: [...frameMap],
    progress,
    ...(queue ? { queue } : {}),
    timings,
    prompt,
    ...(nextPrompt === undefined ? {} : { nextPrompt }),
    ...(memory ? { memory: [...memory] } : {}),
    viewers,
    video,
    links: linksOf(id, settings),
    ...(problem ? { problem } : {}),
  };
}
