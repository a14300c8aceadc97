/**
 * Sessions of an engine that decodes a section beside the sampling of the next one.
 */
import assert from "node:assert/strict";
import { EngineLostError } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import type { SessionEvent, SessionView } from "../src/session/mod.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

const eventsOf = (server: TestServer, id: string) =>
  Array.fromAsync(server.sessions.events(id, 0, new AbortController().signal));

/** Waits for the moment when a section is decoded and the next one sampled. */
async function bothInWork(server: TestServer, id: string): Promise<SessionView["frameMap"]> {
  const { data } = await server.event(id, ({ event, data }) => {
    if (event !== "frameMap") return false;
    const states = data.frameMap.map(({ state }) => state);
    return states.includes("decoding") && states.includes("sampling");
  });
  return (data as Extract<SessionEvent, { event: "frameMap" }>["data"]).frameMap;
}

for (const schedule of ["inverted", "forward"] as const) {
  Deno.test(`a video decoded beside its sampling is the same, and its log goes one way, ${schedule}`, async () => {
    await using server = await startServer({ engine: createTestPatternEngine({ decode: "overlapped" }) });
    const { id, plan } = await server.start({ schedule, steps: "4" });
    const view = await server.ended(id);
    assert.equal(view.state, "completed");
    assert.deepEqual(view.frameMap, [{ start: 0, end: plan.frames, state: "final" }]);
    assert.equal(view.video?.frames, plan.frames);
    assert.deepEqual([view.progress.section, view.timings.sections.length], [4, 4]);

    const events = await eventsOf(server, id);
    const progress = events.flatMap(({ event, data }) => event === "progress" ? [data.progress] : []);
    const percents = progress.map(({ percent }) => percent);
    assert.deepEqual(percents, percents.toSorted((a, b) => a - b));
    const steps = progress.filter(({ phase, step }) => phase === "sampling" && step > 0);
    assert.equal(new Set(steps.map(({ section, step }) => `${section}/${step}`)).size, 16);
    for (const { event, data } of events) {
      if (event !== "frameMap") continue;
      const inWork = data.frameMap.filter(({ state }) => state === "sampling" || state === "decoding");
      assert.ok(inWork.length <= 2);
    }
  });
}

Deno.test("a section that is decoded beside the next one is told as decoded, the next one as sampled", async () => {
  const engine = createGatedEngine("warm", "overlapped");
  await using server = await startServer({ engine });
  const { id, plan: { sections: [first, second] } } = await server.start({ schedule: "forward" });
  engine.admit(1);
  const map = await bothInWork(server, id);
  assert.deepEqual(map.slice(0, 2), [{ ...first, state: "decoding" }, { ...second, state: "sampling" }]);
  const { progress } = await server.view(id);
  assert.deepEqual([progress.section, progress.step, progress.percent], [2, 0, 25]);
  engine.admit(3);
  assert.equal((await server.ended(id)).state, "completed");
});

Deno.test("a stop keeps what is decoded, and not the section that was being decoded beside the next one", async () => {
  const engine = createGatedEngine("warm", "overlapped");
  await using server = await startServer({ engine });
  const { id, plan } = await server.start({ schedule: "forward" });
  engine.admit(2);
  await server.event(id, ({ event, data }) => event === "progress" && data.progress.section === 3);
  await server.request(`/api/sessions/${id}/stop`, { method: "POST" });
  const view = await server.view(id);
  assert.equal(view.state, "stopped");
  assert.equal(view.timings.sections.length, 1);
  assert.equal(view.video?.frames, plan.sections[0]!.end);
  assert.equal(view.progress.section, 2);
});

Deno.test("an engine that fails while two sections are in work has failed in the earlier one", async () => {
  const engine = createGatedEngine("warm", "overlapped");
  await using server = await startServer({ engine });
  const { id } = await server.start();
  engine.admit(1);
  await bothInWork(server, id);
  engine.failWith(new EngineLostError("The engine process ended with signal SIGKILL"));
  const view = await server.ended(id);
  assert.match(view.problem!.detail, /^The engine stopped in section 1; .*Nothing was finished yet\.$/);
  assert.equal(view.progress.section, 1);
});
