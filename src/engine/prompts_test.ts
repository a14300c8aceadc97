import assert from "node:assert/strict";
import { changedAfter, inOrderOfTime, promptsOfSections } from "./prompts.ts";
import { planSections } from "./sampling/mod.ts";

const sectionsOf = (schedule: "forward" | "inverted") =>
  planSections({ durationSeconds: 4.8, schedule, windowLatentFrames: 9 }).map(({ newFrames }) => newFrames);
const jump = { prompt: "jumps", promptChanges: [] };

Deno.test("a section has the prompt of its middle", () => {
  const forward = sectionsOf("forward"); // 0–37, 37–73, 73–109, 109–145
  const at = (...seconds: number[]) => ({
    prompt: "0",
    promptChanges: inOrderOfTime(seconds.map((atSeconds) => ({ atSeconds, prompt: `${atSeconds}` }))),
  });
  assert.deepEqual(promptsOfSections(at(), forward), ["0", "0", "0", "0"]);
  assert.deepEqual(promptsOfSections(at(1.8, 3.1), forward), ["0", "1.8", "1.8", "3.1"]);
  assert.deepEqual(promptsOfSections(at(3.1, 1.9), forward), ["0", "0", "1.9", "3.1"]);
  assert.deepEqual(promptsOfSections(at(0), forward), ["0", "0", "0", "0"]);
  assert.deepEqual(promptsOfSections(at(1.3), sectionsOf("inverted")), ["1.3", "1.3", "1.3", "0"]);
});

Deno.test("changedAfter() leaves what is made as it is", () => {
  for (const schedule of ["forward", "inverted"] as const) {
    const sections = sectionsOf(schedule);
    for (const made of [0, 1, 2, 3]) {
      const changed = changedAfter(made, "spins", jump, sections);
      assert.deepEqual(promptsOfSections(changed, sections), sections.map((_, i) => i < made ? "jumps" : "spins"));
      const again = changedAfter(3, "fades", changed, sections);
      assert.deepEqual(
        promptsOfSections(again, sections),
        sections.map((_, i) => i === 3 ? "fades" : i < made ? "jumps" : "spins"),
      );
    }
  }
});

Deno.test("changedAfter() writes no change that changes nothing", () => {
  const sections = sectionsOf("forward");
  assert.deepEqual(changedAfter(0, "spins", jump, sections), { prompt: "spins", promptChanges: [] });
  assert.deepEqual(changedAfter(2, "jumps", jump, sections), jump);
  assert.deepEqual(changedAfter(2, "spins", jump, sections).promptChanges, [{ atSeconds: 73 / 30, prompt: "spins" }]);
});
