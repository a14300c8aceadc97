import assert from "node:assert/strict";
import { footageOf, happenings, planOf } from "../../tests/footage_world.ts";
import { randomOf } from "../../tests/seeded.ts";
import type { FrameRange, VideoPlan } from "../video.ts";
import { rangeAt } from "./frame_ranges.ts";
import { createPlayout, type FootageFacts, frameOfRun, type Run, type ViewChoice, views, waits } from "./playout.ts";

/** One tick of a viewer: what was shown, and what existed then. */
interface Moment {
  readonly tick: number;
  readonly run: Run;
  readonly frameIndex: number | undefined;
  readonly facts: FootageFacts;
}

interface Story {
  readonly name: string;
  readonly choice: ViewChoice;
  readonly plan: VideoPlan;
  readonly moments: readonly Moment[];
}

/** A video that is made at random times, watched from a random time on, with ticks lost now and then. */
function storyOf(choice: ViewChoice, schedule: "inverted" | "forward", seed: number): Story {
  const random = randomOf(seed);
  const plan = planOf(schedule, 1 + Math.floor(random() * 5));
  const footage = footageOf(plan);
  const ahead = happenings(plan, random);
  const pace = 0.01 + 0.1 * random();
  for (let made = random() < 0.5 ? Math.floor(random() * ahead.length) : 0; made > 0; made--) ahead.shift()!(footage);
  const playout = createPlayout(choice, footage.facts);
  const moments: Moment[] = [];
  let tick = Math.floor(random() * 1000);
  for (let picture = 0; picture < 500; picture++) {
    while (ahead.length > 0 && random() < pace) ahead.shift()!(footage);
    const run = playout.next(tick);
    const frameIndex = frameOfRun(run, tick - run.sinceTick);
    moments.push({ tick, run, frameIndex, facts: { ...footage.facts } });
    tick += random() < 0.01 ? 2 + Math.floor(random() * 100) : 1;
  }
  return { name: `${JSON.stringify(choice)} ${schedule} seed ${seed}`, choice, plan, moments };
}

const stories = Array.from({ length: 15 }, (_, seed) => seed).flatMap((seed) =>
  (["inverted", "forward"] as const).flatMap((schedule) =>
    views.flatMap((view) =>
      waits.flatMap((wait) =>
        (["shown", "hidden"] as const).map((previews) => storyOf({ view, wait, previews }, schedule, seed))
      )
    )
  )
);

/** Each moment with the one before, in the stories of a view. */
function* steps(view?: string): Generator<{ story: Story; before: Moment | undefined; now: Moment; at: string }> {
  for (const story of stories) {
    if (view && story.choice.view !== view) continue;
    for (const [k, now] of story.moments.entries()) {
      yield { story, before: story.moments[k - 1], now, at: `${story.name} tick ${now.tick}` };
    }
  }
}

Deno.test("a frame that is shown exists, and a preview is shown only of what it stands for", () => {
  for (const { story, now: { run, frameIndex, facts }, at } of steps()) {
    if (run.shows === "frames") assert.ok(rangeAt(facts.decoded, frameIndex!), at);
    if (run.shows !== "preview") continue;
    assert.equal(story.choice.previews, "shown");
    assert.ok(rangeAt([facts.preview!.range], frameIndex!), at);
  }
});

Deno.test("there is something to see as soon as anything exists", () => {
  for (const { story: { choice, plan }, now: { run, facts }, at } of steps()) {
    if (choice.view === "timeline" && !facts.isOver) continue;
    const canPlay = choice.view === "arrival"
      ? newestOf(plan, facts)
      : choice.view === "edge" && !facts.isOver
      ? facts.decoded[0]?.start === 0
      : facts.decoded.length > 0;
    const canPreview = choice.previews === "shown" && facts.preview !== null;
    if (canPlay || canPreview) assert.notEqual(run.shows, "slate", at);
    else assert.deepEqual([run.shows, run.end - run.start], ["slate", 0], at);
    assert.ok(run.end <= plan.frames);
  }
});

Deno.test("a run is told anew only where the one before foretold something else", () => {
  for (const { before, now, at } of steps()) {
    if (!before || before.run === now.run) continue;
    const foretold = frameOfRun(before.run, now.tick - before.run.sinceTick);
    assert.ok(before.run.shows !== now.run.shows || foretold !== now.frameIndex, at);
  }
});

Deno.test("a run tells only of what exists when it is told, up to where something else begins", () => {
  for (const { story: { choice }, before, now: { run, frameIndex, facts }, at } of steps()) {
    if (before?.run === run || run.end === run.start) continue;
    const preview = choice.previews === "shown" ? facts.preview?.range : undefined;
    const kindOf = (frame: number) =>
      rangeAt(facts.decoded, frame) ? "frames" : preview && rangeAt([preview], frame) ? "preview" : "slate";
    const isInPlace = choice.view === "timeline" && !facts.isOver;
    for (let frame = run.rate > 0 ? frameIndex! : run.start; frame < run.end; frame++) {
      if (run.shows === "frames" || isInPlace) assert.equal(kindOf(frame), run.shows, `${at} frame ${frame}`);
    }
    if (isInPlace && run.end < facts.plan.frames) assert.notEqual(kindOf(run.end), run.shows, at);
  }
});

Deno.test("a run that began earlier has been true since", () => {
  for (const { name, moments } of stories) {
    for (const [k, { run, tick }] of moments.entries()) {
      assert.ok(run.sinceTick <= tick);
      for (let past = k - 1; past >= 0 && moments[past]!.tick >= run.sinceTick; past--) {
        const shown = moments[past]!;
        assert.equal(shown.run.shows, run.shows, `${name} tick ${tick}`);
        assert.equal(shown.frameIndex, frameOfRun(run, shown.tick - run.sinceTick), `${name} tick ${tick}`);
        if (shown.run === run) break; // looked at already
      }
    }
  }
});

Deno.test("rates are whole thousandths up to 1, and backwards only in ping-pong", () => {
  for (const { story: { choice }, now: { run }, at } of steps()) {
    assert.ok(run.rate === Math.round(run.rate * 1000) / 1000 && run.rate <= 1 && run.rate !== 0, at);
    if (run.rate < 0) assert.equal(`${choice.wait} ${run.rate}`, "ping-pong -1", at);
    if (run.rate > 0 && run.rate < 1) assert.equal(choice.wait, "slow", at);
  }
});

Deno.test("timeline shows the playhead's place at every tick, and what exists there", () => {
  for (const { story: { plan, choice, moments }, now: { tick, run, frameIndex, facts }, at } of steps("timeline")) {
    if (facts.isOver) continue;
    const playhead = (tick - moments[0]!.tick) % plan.frames;
    assert.equal(frameIndex, playhead, at);
    const isPreviewed = choice.previews === "shown" && facts.preview && rangeAt([facts.preview.range], playhead);
    const exists = rangeAt(facts.decoded, playhead) ? "frames" : isPreviewed ? "preview" : "slate";
    assert.equal(run.shows, exists, at);
  }
});

Deno.test("growing goes from each frame to the next that exists, and from the last to the first", () => {
  for (const { before, now, at } of steps("growing")) {
    if (before?.run.shows !== "frames" || now.run.shows !== "frames" || now.facts.isOver) continue;
    let expected = before.frameIndex!;
    for (let tick = before.tick; tick < now.tick; tick++) expected = nextOf(now.facts.decoded, expected);
    assert.equal(now.frameIndex, expected, at);
  }
});

function nextOf(decoded: readonly FrameRange[], frameIndex: number): number {
  if (rangeAt(decoded, frameIndex + 1)) return frameIndex + 1;
  return (decoded.find(({ start }) => start > frameIndex) ?? decoded[0]!).start;
}

Deno.test("edge begins with the newest section and shows every frame after that, none twice too early", () => {
  for (const { choice, plan, moments, name } of stories) {
    if (choice.view !== "edge") continue;
    const shown = moments.filter(({ run, facts }) => run.shows === "frames" && !isDone(facts));
    let furthest: number | undefined;
    for (const [k, { frameIndex, facts, tick }] of shown.entries()) {
      const section = plan.sections.filter(({ start }) => start < facts.decoded[0]!.end)
        .reduce((a, b) => a.start > b.start ? a : b);
      const last = shown[k - 1]?.frameIndex;
      const at = `${name} tick ${tick}`;
      if (last === undefined) assert.equal(frameIndex, section.start, at);
      else if (frameIndex! > furthest!) assert.equal(frameIndex, furthest! + 1, at);
      else if (choice.wait === "hold" || choice.wait === "slow") assert.equal(frameIndex, last, at);
      else assert.ok(Math.abs(frameIndex! - last) <= 1 || frameIndex === section.start, at);
      furthest = Math.max(furthest ?? 0, frameIndex!);
    }
  }
});

function isDone({ isOver, decoded, plan }: FootageFacts): boolean {
  return isOver || (decoded[0]?.start === 0 && decoded[0].end === plan.frames);
}

Deno.test("after the end all that exists plays in a loop: growing, timeline and edge", () => {
  for (const view of ["growing", "timeline", "edge"]) {
    for (const { before, now, at } of steps(view)) {
      if (!now.facts.isOver || now.facts.decoded.length === 0) continue;
      const [kept] = now.facts.decoded;
      assert.ok(now.run.shows === "frames" && rangeAt([kept!], now.frameIndex!), at);
      if (!before?.facts.isOver || before.run.shows !== "frames") continue;
      const passed = (before.frameIndex! - kept!.start + now.tick - before.tick) % (kept!.end - kept!.start);
      assert.equal(now.frameIndex, kept!.start + passed, at);
    }
  }
});

Deno.test("arrival shows a new section at once, and only that one until a preview of the next", () => {
  for (const { story: { plan, choice }, before, now, at } of steps("arrival")) {
    const newest = newestOf(plan, now.facts);
    if (!newest) continue;
    if (!before || newestOf(plan, before.facts) !== newest) assert.equal(now.frameIndex, newest.start, at);
    if (now.run.shows === "frames") assert.ok(rangeAt([newest], now.frameIndex!), at);
    else assert.ok(choice.previews === "shown" && now.run.shows === "preview", at);
  }
});

Deno.test("arrival shows the preview of the next section once the newest has had time to play", () => {
  for (const { plan, choice, moments, name } of stories) {
    if (choice.view !== "arrival" || choice.previews === "hidden") continue;
    let sinceTick = 0;
    for (const [k, { tick, run, facts }] of moments.entries()) {
      const newest = newestOf(plan, facts);
      if (!newest) continue;
      if (k === 0 || newestOf(plan, moments[k - 1]!.facts) !== newest) sinceTick = tick;
      const isWhole = rangeAt(facts.decoded, newest.start)!.end >= newest.end;
      const isDue = isWhole && facts.preview !== null && tick - sinceTick >= newest.end - newest.start;
      assert.equal(run.shows, isDue ? "preview" : "frames", `${name} tick ${tick}`);
    }
  }
});

function newestOf({ sections }: VideoPlan, { decoded, isOver }: FootageFacts): FrameRange | undefined {
  return sections.findLast(({ start }) => rangeAt(decoded, start)) ?? (isOver ? decoded[0] : undefined);
}

Deno.test("the stories hold what they are to prove: every kind of picture, lost ticks, stops, gaps", () => {
  const seen = new Set<string>();
  for (const { before, now } of steps()) {
    seen.add(now.run.shows).add(`rate ${Math.sign(now.run.rate)}`).add(now.run.rate < 1 ? "slow" : "normal");
    seen.add(`${now.facts.decoded.length} ranges`).add(now.facts.isOver ? "over" : "running");
    if (before && now.tick > before.tick + 1) seen.add("lost ticks");
  }
  const needed = [
    "frames",
    "preview",
    "slate",
    "rate 1",
    "rate -1",
    "slow",
    "2 ranges",
    "over",
    "running",
    "lost ticks",
  ];
  assert.deepEqual(needed.filter((what) => !seen.has(what)), []);
});
