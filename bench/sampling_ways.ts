/**
 * What a section's sampling takes on a server, one way and another: the same video again and again, in turns.
 * @module
 */
import { median } from "./figure.ts";
import { readyViewer } from "./ready_viewer.ts";
import type { BenchServer } from "./server.ts";

/** Under which circumstances a video is made. */
export interface Way {
  readonly viewers: 0 | 1;
  /** On top of those that all videos have. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface TurnOptions {
  readonly rounds: number;
  /** Settings of every video; the schedule is forward. */
  readonly video: Readonly<Record<string, string>>;
  /** Sections at its start that are not counted: the viewer starts and joins meanwhile. One that joins later counts less. */
  readonly joiningSections: number;
}

/** What one video told. */
export interface SampledVideo {
  /** Of each section that counts. */
  readonly seconds: readonly number[];
  /** How often its live picture went over to a preview: never when nobody watches, or when frames come faster than they play. */
  readonly previewsShown: number;
}

/** @returns of each round a video of every way; who begins changes from round to round */
export async function sampledInTurns<Name extends string>(
  server: BenchServer,
  ways: Readonly<Record<Name, Way>>,
  options: TurnOptions,
): Promise<readonly Readonly<Record<Name, SampledVideo>>[]> {
  const names = Object.keys(ways) as Name[];
  const rounds: Record<Name, SampledVideo>[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const videos: Partial<Record<Name, SampledVideo>> = {};
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!;
      videos[name] = await sampledVideo(server, ways[name], options);
    }
    rounds.push(videos as Record<Name, SampledVideo>);
  }
  return rounds;
}

/** Of each round, how much longer a section of one way takes than one of another. */
export function ratiosOf<Name extends string>(
  rounds: readonly Readonly<Record<Name, SampledVideo>>[],
  one: Name,
  other: Name,
): number[] {
  return rounds.map((videos) => median(videos[one].seconds) / median(videos[other].seconds));
}

async function sampledVideo(
  server: BenchServer,
  { viewers, settings }: Way,
  { video, joiningSections }: TurnOptions,
): Promise<SampledVideo> {
  await using viewer = viewers === 1 ? await readyViewer() : undefined;
  const { id, links } = await server.start({ ...video, schedule: "forward", ...settings });
  await viewer?.join(`${server.address}${links.whep}`);
  const joined = (await server.view(id)).timings.sections.length;
  const { timings: { sections } } = await server.ended(id);
  // A section that was under way when the viewer joined is neither with nor without one.
  const first = viewers === 1 ? Math.max(joiningSections, joined + 1) : joiningSections;
  const counted = sections.slice(first);
  if (counted.length === 0) {
    throw new Error(`The video has ${sections.length} sections, of which the first ${first} do not count`);
  }
  let previewsShown = 0;
  for await (const { event, data } of server.events(id)) {
    if (event === "playout" && data.shows === "preview") previewsShown++;
  }
  return {
    seconds: counted.map(({ samplingSeconds }) => samplingSeconds),
    previewsShown,
  };
}
