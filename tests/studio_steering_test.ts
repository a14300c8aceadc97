/**
 * Another prompt for a video that is being made, in the studio in a real Chromium.
 */
import assert from "node:assert/strict";
import { barriers, overhangPx, shows, until } from "./page_site.ts";
import { generate, sessionIn, studioTest } from "./studio_page.ts";

studioTest("the prompt is changed while the video is made, and comes back with its settings", async (site) => {
  const { engine, server } = site;
  const page = await site.open("/");
  await page.locator("label", { hasText: "Start first" }).click();
  engine.admit(1);
  const id = await generate(page, 5);
  const change = page.getByRole("button", { name: "Change the prompt" });
  await change.first().click();
  const box = page.getByRole("textbox", { name: "What should happen next?" });
  const { settings: { prompt } } = await server.view(id);
  assert.equal(await box.inputValue(), prompt, "what counts now");
  await shows(
    page,
    "Counts from 2.4 s to the end. The section in work is finished first. What is made stays as it is.",
  );
  assert.deepEqual(await barriers(page), []);
  for (const widthPx of [320, 1280]) {
    await page.setViewportSize({ width: widthPx, height: 844 });
    assert.equal(await overhangPx(page), 0, `at ${widthPx} px`);
  }
  await box.fill("It changes colours.");
  await page.locator("#steer button").click();
  await until(page, `!document.querySelector("#steer:popover-open")`);
  await shows(page, "Then: It changes colours.");
  engine.admit(1);
  await engine.started(2);
  await until(page, `!document.querySelector(".says").textContent.includes("Then:")`);
  engine.admit(1);
  await shows(page, "Making section 4 of 4");
  assert.equal(await change.count(), 0, "the last section is in work");
  engine.admit(1);
  const { settings } = await server.ended(id);
  assert.deepEqual(settings.promptChanges, [{ atSeconds: 73 / 30, prompt: "It changes colours." }]);

  await page.getByRole("tab", { name: "Sessions" }).first().click();
  await page.getByRole("button", { name: /^More/ }).first().click();
  await page.getByRole("menuitem", { name: "Use these settings again" }).click();
  await until(page, `document.querySelector("#settings").open || document.querySelector("#settings summary")`);
  await page.locator("#settings summary").click();
  await until(page, `document.querySelectorAll(".prompt-changes li").length === 1`);
  assert.equal(await page.getByRole("textbox", { name: "Prompt of change 1" }).inputValue(), "It changes colours.");
  assert.equal(await page.getByRole("spinbutton", { name: "Second of change 1" }).inputValue(), "2.43");
});

studioTest("a prompt that comes too late is refused in the panel", async (site) => {
  const { engine, server } = site;
  const page = await site.open("/");
  engine.admit(1);
  const id = await generate(page, 4);
  await page.getByRole("button", { name: "Change the prompt" }).click();
  await page.route(`**/api/sessions/${id}`, (route) => {
    const body = JSON.stringify({ status: 409, detail: "The last section is in work already" });
    return route.request().method() === "PATCH"
      ? route.fulfill({ status: 409, contentType: "application/problem+json", body })
      : route.fallback();
  });
  await page.locator("#steer-prompt").fill("It spins.");
  await page.locator("#steer button").click();
  await shows(page, "The last section is in work already");
  engine.admit(1);
  await until(page, `!document.querySelector("#steer:popover-open")`);
  engine.admit(1);
  assert.deepEqual((await server.ended(id)).settings.promptChanges, []);
});

studioTest("a video that waits gets its new prompt at once", async (site) => {
  const { engine, server } = site;
  const running = await server.start({ durationSeconds: "4" });
  const { id } = await server.start({ durationSeconds: "4" });
  const page = await site.open(`/?session=${id}`);
  await page.getByRole("button", { name: "Change the prompt" }).click();
  await shows(page, "Counts for the whole video. What is made stays as it is.");
  await page.locator("#steer-prompt").fill("It waits.");
  await page.locator("#steer-prompt").press("Control+Enter");
  await until(page, `document.title.startsWith("It waits.")`);
  engine.admit(6);
  for (const session of [running.id, id]) await server.ended(session);
  assert.equal((await server.view(id)).settings.prompt, "It waits.");
});

studioTest("prompts that change on the way are set before the video is begun", async (site) => {
  const page = await site.open("/");
  await page.locator("#settings summary").click();
  await until(page, `document.querySelector("#setting-promptChanges")`);
  const add = page.locator("#setting-promptChanges");
  await add.click();
  await page.getByRole("textbox", { name: "Prompt of change 1" }).fill("It spins.");
  await add.click();
  await page.getByRole("spinbutton", { name: "Second of change 2" }).fill("3.5");
  await page.getByRole("textbox", { name: "Prompt of change 2" }).fill("It fades.");
  await add.click();
  await page.getByRole("button", { name: "Remove change 3" }).click();
  assert.deepEqual(await barriers(page), []);
  for (const widthPx of [320, 1280]) {
    await page.setViewportSize({ width: widthPx, height: 844 });
    assert.equal(await overhangPx(page), 0, `at ${widthPx} px`);
  }
  site.engine.admit(4);
  await generate(page, 5);
  const { settings } = await site.server.ended(sessionIn(page));
  assert.deepEqual(settings.promptChanges, [
    { atSeconds: 2.4, prompt: "It spins." },
    { atSeconds: 3.5, prompt: "It fades." },
  ]);
});
