/**
 * Which section is made under which prompt. A video may change its prompt on the way, which FramePack-Studio writes into the
 * prompt as `[2s: …]`; a section has one prompt, that of its middle.
 * @module
 */
import type { FrameRange } from "../video.ts";
import type { ResolvedSettings } from "./request.ts";
import { frameRate } from "./sampling/mod.ts";

/** The prompts of a video over its time. */
export type PromptTimeline = Pick<ResolvedSettings, "prompt" | "promptChanges">;

/** As recipes have them. */
export function inOrderOfTime(changes: PromptTimeline["promptChanges"]): PromptTimeline["promptChanges"] {
  return changes.toSorted((a, b) => a.atSeconds - b.atSeconds);
}

/** @param sections new frames of each, in any order */
export function promptsOfSections(
  { prompt, promptChanges }: PromptTimeline,
  sections: readonly FrameRange[],
): string[] {
  return sections.map(({ start, end }) => {
    const middleSeconds = (start + end) / 2 / frameRate;
    return promptChanges.findLast(({ atSeconds }) => atSeconds <= middleSeconds)?.prompt ?? prompt;
  });
}

/**
 * The timeline in which all sections but the first ones made have another prompt: those after them in the forward schedule,
 * those before them in the inverted one.
 * @param sections new frames of each, in making order @param made how many of them stay as they are
 */
export function changedAfter(
  made: number,
  prompt: string,
  timeline: PromptTimeline,
  sections: readonly FrameRange[],
): PromptTimeline {
  const prompts = promptsOfSections(timeline, sections);
  const inTime = sections
    .map((frames, index) => ({ startFrame: frames.start, prompt: index < made ? prompts[index]! : prompt }))
    .toSorted((a, b) => a.startFrame - b.startFrame);
  const changes = inTime.slice(1).filter((section, index) => section.prompt !== inTime[index]!.prompt);
  return {
    prompt: inTime[0]!.prompt,
    promptChanges: changes.map(({ startFrame, prompt }) => ({ atSeconds: startFrame / frameRate, prompt })),
  };
}
