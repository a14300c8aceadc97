/**
 * Golden cases of the section plan: counts, positions, and which latent frames each section sees and decodes.
 * @module
 */
import {
  beginHistory,
  extendHistory,
  framesOfLatents,
  historyContext,
  type LatentHistory,
  latentPaddings,
  latentsToDecode,
  planSections,
  type Section,
  sectionCount,
} from "../sampling/mod.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase } from "./golden_case.ts";

interface Row {
  readonly seconds: number;
  readonly "latent_window_size"?: number;
  readonly plan: unknown;
}

/** The schedules by the names the published demos go by. */
export const scheduleOf = { original: "inverted", f1: "forward" } as const;

export function sectionPlanCase({ params, expect }: GoldenCase): Promise<CaseOutputs> {
  const rows = (expect["rows"] as Row[]).map((row) => {
    if (row["latent_window_size"] !== undefined) {
      return { ...row, sections: sectionCount(row.seconds, row["latent_window_size"]) };
    }
    return planRow(
      row.seconds,
      scheduleOf[params["schedule"] as keyof typeof scheduleOf],
      params["latent_window_size"] as number,
    );
  });
  return Promise.resolve({ expect: { rows } });
}

function planRow(seconds: number, schedule: Section["schedule"], windowLatentFrames: number) {
  const sections = planSections({ durationSeconds: seconds, schedule, windowLatentFrames });
  // A history of numbers instead of latents: 0 zeros, 1 the start frame, 1000 (k + 1) + j frame j of section k.
  let history: LatentHistory<number> = beginHistory(schedule, 1);
  let framesBefore = 0;
  const plan = sections.map((section) => {
    const context = historyContext(history);
    const window = section.indices.noisy.map((_, j) => 1000 * section.section + j);
    history = extendHistory(history, section, window);
    const row = { ...planned(section, context, framesBefore), "decoded_frames": latentsToDecode(history, section) };
    framesBefore = row.pixel_frames;
    return row;
  });
  return {
    seconds,
    sections: sections.length,
    latent_paddings: schedule === "inverted" ? latentPaddings(sections.length) : null,
    plan,
  };
}

function planned(section: Section, context: ReturnType<typeof historyContext<number>>, framesBefore: number) {
  const { indices, schedule, decodedFrames, newFrames, overlapFrames } = section;
  const zeroed = (frames: readonly (number | null)[]) => frames.map((frame) => frame ?? 0);
  const decoded = decodedFrames.end - decodedFrames.start;
  return {
    frames: framesOfLatents(section.windowLatentFrames),
    noisy: indices.noisy,
    clean_1x: indices.clean1x,
    clean_2x: indices.clean2x,
    clean_4x: indices.clean4x,
    clean_1x_frames: zeroed(context.clean1x),
    clean_2x_frames: zeroed(context.clean2x),
    clean_4x_frames: zeroed(context.clean4x),
    soft_append: {
      first: schedule === "inverted" ? decoded : framesBefore,
      second: schedule === "inverted" ? framesBefore : decoded,
      overlap: overlapFrames,
      result: decoded + framesBefore - overlapFrames,
    },
    pixel_frames: framesBefore + newFrames.end - newFrames.start,
    latent_padding: section.latentPadding,
  };
}
