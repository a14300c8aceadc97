/** A video that is made at random times, for property tests of what is shown of it. */
import type { FootageFacts } from "../src/stream/playout.ts";
import { withRange } from "../src/stream/frame_ranges.ts";
import type { FrameRange, VideoPlan } from "../src/video.ts";

/** Ranges as FramePack's two schedules make them, for sections of 36 frames. */
export function planOf(schedule: "inverted" | "forward", sections: number): VideoPlan {
  const frames = 36 * sections + 1;
  const forward = Array.from({ length: sections }, (_, k) => ({ start: k === 0 ? 0 : 36 * k + 1, end: 36 * k + 37 }));
  const inverted = Array.from({ length: sections }, (_, k) => ({
    start: k === sections - 1 ? 0 : 36 * (sections - 1 - k) + 4,
    end: k === 0 ? frames : 36 * (sections - k) + 4,
  }));
  const format = { widthPx: 64, heightPx: 64, frameRate: 30 };
  return { format, frames, sections: schedule === "forward" ? forward : inverted };
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** What exists at one time; each happening changes it. */
export function footageOf(plan: VideoPlan) {
  const facts: Writable<FootageFacts> = { plan, decoded: [], preview: null, isOver: false };
  let previewed = 1;
  return {
    facts: facts as FootageFacts,
    arrived(range: FrameRange): void {
      facts.decoded = withRange(facts.decoded, range);
      const { start, end } = plan.sections[previewed - 1]!;
      if (facts.decoded.some((each) => each.start <= start && end <= each.end)) facts.preview = null;
    },
    previewed(section: number): void {
      previewed = section;
      facts.preview = { range: plan.sections[section - 1]! };
    },
    /** Of ranges that do not touch, the longest is kept. */
    end(): void {
      facts.isOver = true;
      facts.preview = null;
      const longest = facts.decoded.reduce((a, b) => b.end - b.start > a.end - a.start ? b : a, { start: 0, end: 0 });
      facts.decoded = longest.end > 0 ? [longest] : [];
    },
  };
}

/** All that happens to a video, in order: previews of each section, its frames in some pieces, the end. */
export function happenings(plan: VideoPlan, random: () => number): ((footage: ReturnType<typeof footageOf>) => void)[] {
  const list: ((footage: ReturnType<typeof footageOf>) => void)[] = [];
  for (const [index, section] of plan.sections.entries()) {
    const steps = Math.floor(random() * 4);
    for (let step = 0; step < steps; step++) list.push((footage) => footage.previewed(index + 1));
    for (const piece of pieces(section, random)) list.push((footage) => footage.arrived(piece));
  }
  if (random() < 0.3) list.length = Math.floor(random() * list.length); // stopped, or failed
  return [...list, (footage) => footage.end()];
}

/** A section in one to three pieces, as they come: in timeline order, or the joint with the neighbour first. */
function pieces({ start, end }: FrameRange, random: () => number): FrameRange[] {
  const cuts = [0, 1].map(() => start + 1 + Math.floor(random() * (end - start - 1))).sort((a, b) => a - b);
  const edges = [...new Set([start, ...cuts, end])];
  const inOrder = edges.slice(1).map((edge, k) => ({ start: edges[k]!, end: edge }));
  return random() < 0.5 ? inOrder : inOrder.toReversed();
}
