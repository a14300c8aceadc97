/**
 * Looking at what is finished while the rest is made, in a real Chromium: sections, single frames, and back again.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { compareFrameNumbers, shows, until } from "./page_site.ts";
import { generate, isUp, livePlays, sectionPlays, studioTest } from "./studio_page.ts";

studioTest("finished sections play while the rest is made, and one click leads back", async ({ open, engine }) => {
  const page = await open("/");
  await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  const strip = (await page.locator(".strip").boundingBox())!;
  // Sections 4, 3, 2, 1 from left to right: a place in the second, which is followed by the first.
  await page.mouse.click(strip.x + strip.width * 0.6, strip.y + 20);
  await until(page, `${isUp("more")} && ${sectionPlays(2)}`);
  assert.equal(await page.getByRole("button", { name: "Newest" }).getAttribute("aria-pressed"), "false");
  const frames = await page.evaluate<number[]>(`new Promise((resolve) => {
    const said = [];
    const node = document.querySelector(".frame-of");
    new MutationObserver(() => {
      said.push(Number(node.textContent.split(" ")[1]));
      if (said.at(-1) === 144) resolve(said);
    }).observe(node, { childList: true, characterData: true, subtree: true });
  })`);
  assert.ok(frames.every((frame, index) => frame > (frames[index - 1] ?? 80)), "the frames go up, over the joint too");
  assert.ok(frames.length > 45, `${frames.length} of the last 60 frames were shown`);
  await page.getByRole("button", { name: "Back to live" }).click();
  await until(page, `${isUp("video")} && document.querySelector(".back-to-live").hidden`);
  await compareFrameNumbers(page, 10);
});

studioTest("a drag shows single frames, and one frame stands still and is saved as it was made", async (site) => {
  const page = await site.open("/");
  const id = await generate(page, 5);
  site.engine.admit(2);
  await until(page, livePlays);
  const strip = (await page.locator(".strip").boundingBox())!;
  await page.mouse.move(strip.x + strip.width * 0.6, strip.y + 20);
  await page.mouse.down();
  await page.mouse.move(strip.x + strip.width * 0.7, strip.y + 20, { steps: 5 });
  await until(page, isUp("still"));
  await page.mouse.up();
  await until(page, isUp("more"));
  await page.locator("#stage").focus();
  await page.keyboard.press("Home");
  await until(page, `document.querySelector(".frame-of").textContent === "frame 76 of 145"`);
  await page.keyboard.press("ArrowRight");
  await until(page, `${isUp("still")} && document.querySelector(".frame-of").textContent === "frame 77 of 145"`);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save frame" }).click();
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), `framecast-${id}-frame-77.png`);
  const answer = await site.server.request(`/api/sessions/${id}/frames/77.png`);
  assert.deepEqual(await readFile(await saved.path()), Buffer.from(await answer.arrayBuffer()));
  await page.locator("#stage").focus();
  await page.keyboard.press("l");
  await until(page, isUp("video"));
});

studioTest("one section plays again and again, and goes on being seen when the next is made", async (site) => {
  const page = await site.open("/");
  await generate(page, 5);
  site.engine.admit(2);
  await until(page, livePlays);
  await page.getByRole("button", { name: "Play section" }).click();
  await until(page, `${isUp("more")} && ${sectionPlays(2)}`);
  site.engine.admit(1);
  await shows(page, "Making section 4 of 4");
  await until(page, sectionPlays(2));
});
