/**
 * The studio in a real Chromium, against a real server with the test-pattern engine, one section at a time: from a picture
 * and words to a picture that moves and a file that plays.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodePng } from "../src/image.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { barriers, compareFrameNumbers, overhangPx, shows, until } from "./page_site.ts";
import { filePlays, frameSaid, generate, livePlays, sessionIn, studioTest, text } from "./studio_page.ts";

studioTest(
  "an example and Generate: the picture moves while it is made, then the file plays",
  async ({ open, engine }) => {
    const page = await open("/");
    await shows(page, "Make a picture move");
    await shows(page, "Add a start picture to begin");
    const id = await generate(page, 5);
    await shows(page, "Making section 1 of 4");
    assert.equal(await page.locator(".picture").getAttribute("data-shows"), "start");
    engine.admit(2);
    await shows(page, "Making section 3 of 4");
    await until(page, livePlays);
    await compareFrameNumbers(page, 20);
    assert.equal(await text(page, ".stage-head .pill"), "Live");
    assert.equal(await text(page, ".percent"), "50%");
    assert.equal(await page.title(), "50% · The cat jumps up and down. · framecast");
    const states = await page.evaluate(`[...document.querySelectorAll(".cell")].map(({ dataset }) => dataset.state)`);
    assert.deepEqual(states, ["planned", "sampling", "provisional", "final"]);
    engine.admit(2);
    await shows(page, "Ready: 4.83 s, 145 frames");
    await until(page, filePlays(id));
    const first = await frameSaid(page);
    await until(page, `Number(document.querySelector(".frame-of").textContent.split(" ")[1]) !== ${first}`);
    await shows(page, "All frames are final.");
  },
);

studioTest("a reload, and a second page without an address, find the running session", async ({ open, engine }) => {
  const page = await open("/");
  const id = await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  await page.reload();
  await until(page, livePlays);
  assert.equal(sessionIn(page), id);
  await compareFrameNumbers(page, 10);
  const second = await open("/");
  await until(second, livePlays);
  assert.equal(sessionIn(second), id);
  engine.admit(2);
  for (const each of [page, second]) await until(each, filePlays(id));
});

studioTest("Stop keeps what is made and says from which second on", async ({ open, engine }) => {
  const page = await open("/");
  const id = await generate(page, 5);
  engine.admit(2);
  await page.getByRole("button", { name: "Stop and keep 2.3 s" }).click();
  await shows(page, "Stopped. The last 2.3 s are kept.");
  await shows(page, "You stopped in section 3 of 4, so the video starts at second 2.5 of the plan.");
  await until(page, filePlays(id));
  assert.ok(await frameSaid(page) >= 76, "the kept frames keep their place on the timeline");
});

studioTest("a second video waits: its button is ink, it says its place and can leave", async ({ open, server }) => {
  const page = await open("/");
  const first = await generate(page, 5);
  const add = page.getByRole("button", { name: "Add to queue" });
  await until(page, `document.querySelector("#generate").classList.contains("ink")`);
  await add.click();
  await shows(page, "Waiting: yours is next, one video is running");
  const second = sessionIn(page);
  assert.notEqual(second, first);
  assert.equal(await text(page, ".stage-head .pill"), "Place 1 of 1");
  await page.getByRole("button", { name: "Leave the queue" }).click();
  await shows(page, "Make a picture move");
  assert.equal((await server.request(`/api/sessions/${second}`)).status, 404);
});

studioTest("with two engines the second video starts at once, and only the third waits", async ({ open }) => {
  const page = await open("/");
  await generate(page, 5);
  await until(page, `document.querySelector("#generate").classList.contains("accent")`);
  await page.getByRole("button", { name: "Generate" }).click();
  await shows(page, "2 running");
  await page.getByRole("button", { name: "Add to queue" }).click();
  await shows(page, "Waiting: yours is next, 2 videos are running");
}, { engines: [createGatedEngine(), createGatedEngine()] });

studioTest("a refusal stands under its field, and what was typed stays", async ({ open }) => {
  const page = await open("/");
  const tiny = await encodePng({ widthPx: 8, heightPx: 8, pixels: new Uint8Array(8 * 8 * 3) });
  await page.locator("#file").setInputFiles({ name: "tiny.png", mimeType: "image/png", buffer: Buffer.from(tiny) });
  await page.locator("#prompt").fill("It grows.");
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `!document.querySelector("#refusal-image").hidden`);
  assert.match(await text(page, "#refusal-image"), /16/);
  assert.equal(await page.locator("#prompt").inputValue(), "It grows.");
  await page.locator("#file").setInputFiles({
    name: "a.png",
    mimeType: "image/png",
    buffer: Buffer.alloc(99),
  });
  await shows(page, "This file is not a picture the server can read (PNG, JPEG, WebP, AVIF).");
});

studioTest("the draft survives a reload", async ({ open }) => {
  const page = await open("/");
  await page.locator("#prompt").fill("The lamp swings.");
  await page.getByRole("spinbutton", { name: "Length" }).fill("7.5");
  await page.locator("label", { hasText: "Start first" }).click();
  await shows(page, "6 sections, 217 frames, 7.23 s");
  await page.reload();
  await shows(page, "6 sections, 217 frames, 7.23 s");
  assert.equal(await page.locator("#prompt").inputValue(), "The lamp swings.");
  assert.equal(await page.locator("input[name=schedule]:checked").inputValue(), "forward");
});

studioTest(
  "keys move by frame and by section, and choose sections in making order",
  async ({ open, server, engine }) => {
    engine.admit(2);
    const { id } = await server.start({ durationSeconds: "2" });
    await server.ended(id);
    const page = await open(`/?session=${id}`);
    await until(page, filePlays(id));
    const isAt = (frame: number) =>
      until(page, `document.querySelector(".frame-of").textContent === "frame ${frame} of 73"`);
    await page.locator("#stage").focus();
    await page.keyboard.press("Home");
    await isAt(0);
    await page.keyboard.press("ArrowRight");
    await isAt(1);
    await page.keyboard.press("Shift+ArrowRight");
    await isAt(40);
    await page.keyboard.press("End");
    await isAt(72);
    const playhead = page.getByRole("slider", { name: "Playhead" });
    assert.equal(await playhead.getAttribute("aria-valuetext"), "2.40 seconds, frame 72 of 73, section 1, final");
    await page.keyboard.press("[");
    await shows(page, "Section 1 of 2, 1.3 s to 2.4 s.");
    await isAt(40);
    const box = await page.locator(".strip").boundingBox();
    await page.mouse.click(box!.x + box!.width / 4, box!.y + 20);
    await isAt(18);
    await shows(page, "Section 2 of 2, 0.0 s to 1.3 s.");
  },
);

studioTest("what the model knows is listed, and a press on it writes the prompt", async ({ open }) => {
  const page = await open("/");
  await page.getByRole("button", { name: "What it knows" }).click();
  await shows(page, "A small model, made for one emoji, sticker, icon or simple drawing on a plain background.");
  assert.equal(await overhangPx(page), 0);
  await page.getByRole("button", { name: "fades out and comes back", exact: true }).click();
  assert.equal(await page.locator("#prompt").inputValue(), "It fades out and comes back.");
  assert.equal(await page.locator("#understands").isVisible(), false);
});

studioTest("the first visit loads at most 120 kB, and stage and timeline need no scrolling", async ({ open }) => {
  const page = await open("/");
  await shows(page, "Make a picture move");
  const sizeBytes: number = await page.evaluate(`(async () => {
    const own = [location.href, ...performance.getEntriesByType("resource").map(({ name }) => name)]
      .filter((name) => !/\\/(api|examples)\\//.test(name));
    const sizes = await Promise.all([...new Set(own)].map(async (name) => (await (await fetch(name)).blob()).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  })()`);
  assert.ok(sizeBytes > 50_000 && sizeBytes <= 120_000, `${sizeBytes}`);
  const stage = await page.locator("#stage").boundingBox();
  const timeline = await page.locator("#timeline").boundingBox();
  assert.ok(stage!.height > 300 && timeline!.y + timeline!.height <= 720);
});

studioTest("small pictures are enlarged by a whole number of device pixels", async ({ open, server, engine }) => {
  engine.admit(2);
  const { id, plan } = await server.start({ durationSeconds: "2" });
  await server.ended(id);
  const page = await open(`/?session=${id}`);
  await until(page, filePlays(id));
  const width = (await page.locator(".picture").boundingBox())!.width;
  assert.equal(width % plan.widthPx, 0);
  await shows(page, `96 × 96, shown at ${width / plan.widthPx}×`);
  await page.getByRole("button", { name: "Smooth" }).click();
  await until(page, `document.querySelector(".picture").dataset.scaling === "smooth"`);
});

studioTest(
  "axe finds nothing serious in any state, in both themes, and nothing sticks out",
  async ({ open, server, engine }) => {
    engine.admit(2);
    const completed = await server.start({ durationSeconds: "2", prompt: "The ball bounces." });
    await server.ended(completed.id);
    engine.failWith(new Error("The engine stopped"));
    const failed = await server.start({ durationSeconds: "2", prompt: "The cup falls." });
    await server.ended(failed.id);
    engine.admit(2);
    const running = await server.start({ durationSeconds: "5", prompt: "The boat sails." });
    await server.event(running.id, ({ event, data }) => event === "progress" && data.timings.sections.length === 2);
    const queued = await server.start({ durationSeconds: "60", prompt: "The rocket lifts off.", schedule: "forward" });
    for (const theme of ["dark", "light"] as const) {
      for (
        const [view, words] of [[completed, "Ready"], [failed, "Failed"], [running, "Live"], [
          queued,
          "Place 1 of 1",
        ]] as const
      ) {
        const page = await open(`/?session=${view.id}`, { theme });
        await shows(page, words);
        await page.locator("#settings summary").click();
        assert.deepEqual(await barriers(page), [], `${words}, ${theme}`);
        await page.getByRole("tab", { name: "Sessions" }).first().click();
        await shows(page, "Finished");
        assert.deepEqual(await barriers(page), [], `${words}, sessions, ${theme}`);
        for (const widthPx of [320, 390, 800, 1280, 1920]) {
          await page.setViewportSize({ width: widthPx, height: 844 });
          assert.equal(await overhangPx(page), 0, `${words} at ${widthPx} px`);
        }
        await page.setViewportSize({ width: 390, height: 844 });
        for (const area of ["New", "Watch", "Sessions"]) {
          await page.locator(".bottom-bar").getByRole("tab", { name: area }).click();
          assert.deepEqual(await barriers(page), [], `${words}, ${area}, ${theme}`);
        }
        await page.close();
      }
    }
  },
);
