/**
 * What plays in the studio, in a real Chromium: previews from the first steps on, and the views.
 */
import assert from "node:assert/strict";
import type { Engine } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import { barriers, compareFrameNumbers, shows, until } from "./page_site.ts";
import { filePlays, frameInWords, generate, isUp, livePlays, studioTest, text, viewersOf } from "./studio_page.ts";

/** The test-pattern engine, which stops after a step, with its preview, of the first section until it is let go. */
function engineThatWaitsAfter(step: number): { engine: Engine; letGo: () => void } {
  const inner = createTestPatternEngine();
  const gate = Promise.withResolvers<void>();
  const engine: Engine = {
    async *generate(request, signal) {
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      for await (const event of inner.generate(request, signal)) {
        yield event;
        const waits = event.kind === "preview" && event.clip.section === 1 && event.clip.step === step;
        const isStep = event.kind === "step" && event.section === 1 && event.step === step &&
          !request.settings.previews;
        if (waits || isStep) await Promise.race([gate.promise, stopped]);
      }
    },
    async *warm() {},
    async [Symbol.asyncDispose]() {},
  };
  return { engine, letGo: gate.resolve };
}

/** Two looks at the picture on the stage: whether it has changed in between. */
const pictureMoves = `(async () => {
  const look = () => new Promise((resolve) => document.querySelector("#stage video").requestVideoFrameCallback(() => {
    const canvas = new OffscreenCanvas(24, 24);
    const context = canvas.getContext("2d");
    context.drawImage(document.querySelector("#stage video"), 0, 0, 24, 24);
    resolve(context.getImageData(0, 0, 24, 24).data.join());
  }));
  const first = await look();
  for (let pictures = 0; pictures < 60; pictures++) if (await look() !== first) return true;
  return false;
})()`;

const seen = engineThatWaitsAfter(4);
studioTest("from the first steps on the picture moves, and says that it is a preview", async (site) => {
  const page = await site.open("/");
  const id = await generate(page, 5);
  await shows(page, "Making section 1 of 4, step 4 of 6");
  await until(page, `document.querySelector(".stage-head .pill").innerText === "Preview of step 4"`);
  await until(page, isUp("video"));
  assert.equal(await page.evaluate(pictureMoves), true);
  const strip = site.requests.filter(({ path }) => /\/frames\/1[1-4]\d\.jpg$/.test(path));
  assert.ok(strip.length > 0 && strip.length <= 12, `${strip.length} pictures of the section in work were asked for`);
  assert.deepEqual(await barriers(page), []);
  seen.letGo();
  await until(page, filePlays(id));
}, { engine: seen.engine });

const unseen = engineThatWaitsAfter(4);
studioTest("without step previews the start picture stays until the first section is made", async (site) => {
  const page = await site.open("/");
  await page.locator("#settings summary").click();
  await page.getByRole("combobox", { name: "Step previews" }).selectOption("No");
  const id = await generate(page, 5);
  await shows(page, "Making section 1 of 4, step 4 of 6");
  assert.equal((await site.server.view(id)).settings.previews, false);
  assert.equal(await text(page, ".stage-head .pill"), "Making");
  assert.ok(await page.evaluate(isUp("start")));
  unseen.letGo();
  await until(page, filePlays(id));
}, { engine: unseen.engine });

studioTest("what plays is changed on the connection there is", async ({ open, engine, requests }) => {
  const page = await open("/");
  await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  const offers = () => requests.filter(({ method, path }) => method === "POST" && /\/whep$/.test(path)).length;
  const before = offers();
  const saidFrames = (low: number, high: number) =>
    until(page, `((frame) => frame >= ${low} && frame < ${high})(${frameInWords})`);
  await page.getByRole("button", { name: "So far" }).click();
  await saidFrames(112, 145);
  await page.locator("#stage").focus();
  await page.keyboard.press("3");
  await saidFrames(0, 40);
  assert.equal(await page.getByRole("button", { name: "Whole" }).getAttribute("aria-pressed"), "true");
  assert.equal(offers(), before);
  await page.getByRole("button", { name: "Newest" }).click();
  await saidFrames(76, 112);
  await compareFrameNumbers(page, 10);
});

studioTest("where the server knows the connection no more, another view comes on a new one", async (site) => {
  const page = await site.open("/");
  const viewers = viewersOf(page);
  await generate(page, 5);
  site.engine.admit(2);
  await until(page, livePlays);
  await site.server.request(viewers[0]!, { method: "DELETE" });
  await page.getByRole("button", { name: "So far" }).click();
  await until(page, `${frameInWords} > 112`);
  assert.equal(viewers.length, 2);
  assert.equal(await page.getByRole("button", { name: "So far" }).getAttribute("aria-pressed"), "true");
});
