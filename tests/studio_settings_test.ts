/**
 * The settings of the studio in a real Chromium: what is chosen there is what the session is made with, and a session's
 * settings come back into the form.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { chromiumPath } from "./chromium.ts";
import { seenModules, writeLora } from "./lora_files.ts";
import { emojiDir, example } from "./emoji.ts";
import { barriers, openSite, overhangPx, shows, type Site, until } from "./page_site.ts";
import { generate, sessionIn, studioTest, text } from "./studio_page.ts";

/** A studio whose model has these LoRAs; `foreign` cannot be used with it. */
function loraTest(name: string, body: (site: Site, lorasDir: string) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    async fn() {
      const lorasDir = await mkdtemp(join(tmpdir(), "framecast-loras-"));
      try {
        for (const lora of ["ink", "oil"]) {
          await writeLora(join(lorasDir, `${lora}.safetensors`), emojiDir, { format: "kohya", modules: seenModules });
        }
        await Deno.writeTextFile(join(lorasDir, "foreign.safetensors"), "no safetensors");
        await using site = await openSite({ lorasDir });
        await body(site, lorasDir);
        assert.deepEqual(site.complaints, []);
      } finally {
        await rm(lorasDir, { recursive: true });
      }
    },
  });
}

const openSettings = async (page: Page) => {
  await page.locator("#settings summary").click();
  await until(page, `document.querySelector("#setting-cfg")`);
};

loraTest("LoRAs are added with a strength, told in the title, and come back with the session", async (site) => {
  const page = await site.open("/");
  await openSettings(page);
  const add = page.getByRole("combobox", { name: "LoRA" });
  assert.deepEqual(await add.locator("option").allInnerTexts(), ["Add", "foreign (cannot be used)", "ink", "oil"]);
  assert.equal(await add.locator("option", { hasText: "foreign" }).isDisabled(), true);
  await add.selectOption("oil");
  await add.selectOption("ink");
  assert.deepEqual(await add.locator("option").allInnerTexts(), ["Add", "foreign (cannot be used)"]);
  await page.getByRole("spinbutton", { name: "Strength of oil" }).fill("-0.5");
  assert.match(await text(page, "#settings-values"), /, 2 LoRAs$/);
  assert.deepEqual(await barriers(page), []);
  for (const widthPx of [320, 1280]) {
    await page.setViewportSize({ width: widthPx, height: 844 });
    assert.equal(await overhangPx(page), 0, `at ${widthPx} px`);
  }
  site.engine.admit(1);
  const id = await generate(page, 1);
  const loras = [{ name: "oil", strength: -0.5 }, { name: "ink", strength: 1 }];
  assert.deepEqual((await site.server.ended(id)).settings.loras, loras);

  await page.reload();
  await openSettings(page);
  assert.equal(await page.getByRole("spinbutton", { name: "Strength of oil" }).inputValue(), "-0.5", "the draft");
  await page.getByRole("button", { name: "Reset LoRA" }).click();
  assert.equal(await page.locator(".loras li").count(), 0);
  await page.getByRole("tab", { name: "Sessions" }).first().click();
  await page.getByRole("button", { name: /^Menu|^More/ }).first().click();
  await page.getByRole("menuitem", { name: "Use these settings again" }).click();
  await until(page, `document.querySelectorAll(".loras li").length === 2`);
  await page.getByRole("button", { name: "Remove oil" }).click();
  assert.match(await text(page, "#settings-values"), /, LoRA ink$/);
});

loraTest("a LoRA that is refused says so under its field", async (site, lorasDir) => {
  const page = await site.open("/");
  await openSettings(page);
  await page.getByRole("combobox", { name: "LoRA" }).selectOption("ink");
  await rm(join(lorasDir, "ink.safetensors"));
  await page.locator("[data-example]:visible").first().click();
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `!document.querySelector("#refusal-loras").hidden`);
  assert.match(await text(page, "#refusal-loras"), /^There is no LoRA "ink" for this model/);
  assert.equal(await page.getByRole("combobox", { name: "LoRA" }).getAttribute("aria-invalid"), "true");
});

studioTest("a model without LoRAs shows none, and guidance and step skipping reach the session", async (site) => {
  const page = await site.open("/");
  await openSettings(page);
  assert.equal(await page.getByRole("combobox", { name: "LoRA" }).count(), 0);
  const avoid = page.getByRole("textbox", { name: "What to avoid" });
  assert.equal(await avoid.count(), 0, "it counts only with true guidance");
  await page.getByRole("spinbutton", { name: "True CFG" }).fill("2.5");
  await avoid.fill("text, blur");
  await page.getByRole("spinbutton", { name: "Guidance rescale" }).fill("0.7");
  await page.getByRole("spinbutton", { name: "TeaCache" }).fill("0.15");
  assert.deepEqual(await barriers(page), []);
  site.engine.admit(1);
  const id = await generate(page, 1);
  const { cfg, negativePrompt, cfgRescale, teaCacheThreshold } = (await site.server.ended(id)).settings;
  assert.deepEqual({ cfg, negativePrompt, cfgRescale, teaCacheThreshold }, {
    cfg: 2.5,
    negativePrompt: "text, blur",
    cfgRescale: 0.7,
    teaCacheThreshold: 0.15,
  });
});

studioTest("a video from words alone needs no picture, and begins again with what it began with", async (site) => {
  const page = await site.open("/");
  await page.locator("#prompt").fill("A ball bounces.");
  await shows(page, "Add a start picture to begin");
  await page.getByRole("button", { name: "No picture, words alone" }).click();
  const start = page.getByRole("combobox", { name: "Begins with" });
  await start.selectOption("noise");
  assert.deepEqual(await barriers(page), []);
  await page.getByRole("spinbutton", { name: "Length" }).fill("1");
  site.engine.admit(1);
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `location.search.startsWith("?session=")`);
  const id = sessionIn(page);
  assert.equal((await site.server.ended(id)).settings.start, "noise");

  await page.getByRole("tab", { name: "New video" }).first().click();
  await page.getByRole("button", { name: "Use a picture" }).click();
  await until(page, `!document.querySelector("#drop-area").hidden`);
  await page.getByRole("tab", { name: "Sessions" }).first().click();
  await page.getByRole("button", { name: /^More/ }).first().click();
  await page.getByRole("menuitem", { name: "Use these settings again" }).click();
  await until(page, `!document.querySelector("#plain").hidden`);
  assert.equal(await start.inputValue(), "noise");
  await page.locator("#file").setInputFiles(example.file);
  await until(page, `!document.querySelector("#chosen").hidden && document.querySelector("#plain").hidden`);
  assert.equal(await page.locator("#crop > *").count(), 2);
});

studioTest("an end picture goes with its strength, comes back, and is left out with Start first", async (site) => {
  const page = await site.open("/");
  await openSettings(page);
  const end = page.getByLabel("End picture file");
  await end.setInputFiles(example.file);
  await page.getByRole("spinbutton", { name: "Strength of the end picture" }).fill("0.4");
  assert.deepEqual(await barriers(page), []);
  site.engine.admit(1);
  const led = await site.server.ended(await generate(page, 1));
  assert.equal(led.settings.endStrength, 0.4);
  const kept = await (await site.server.request(led.links.endImage!)).bytes();
  assert.deepEqual(kept, await Deno.readFile(example.file));

  await page.getByRole("button", { name: "Remove the end picture" }).click();
  await page.getByRole("tab", { name: "Sessions" }).first().click();
  await page.getByRole("button", { name: /^More/ }).first().click();
  await page.getByRole("menuitem", { name: "Use these settings again" }).click();
  await until(page, `document.querySelector("[aria-label='Strength of the end picture']").value === "0.4"`);
  await page.locator("label", { hasText: "Start first" }).click();
  site.engine.admit(1);
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `!location.search.endsWith("${led.id}")`);
  const forward = await site.server.ended(sessionIn(page));
  assert.deepEqual([forward.settings.schedule, forward.settings.endStrength], ["forward", null]);
});

studioTest("another window is another plan, said before the start", async (site) => {
  const page = await site.open("/");
  await openSettings(page);
  await page.getByRole("spinbutton", { name: "Window" }).fill("4");
  await page.getByRole("spinbutton", { name: "Length" }).fill("1.6");
  await shows(page, "3 sections, 49 frames, 1.63 s");
  await shows(page, "16 frames per section. The model was made for 9.");
  site.engine.admit(3);
  const { plan, settings } = await site.server.ended(await generate(page, 1.6));
  assert.equal(settings.windowLatentFrames, 4);
  assert.equal(plan.frames, 49);
});

loraTest("Try again asks for the same video: LoRAs, window, what it begins with", async (site) => {
  site.engine.failWith(new Error("The engine stopped"));
  const form = new FormData();
  const loras = [{ name: "ink", strength: 0.5 }];
  const asked = { start: "green", durationSeconds: "1", windowLatentFrames: "5", loras: JSON.stringify(loras) };
  for (const [name, value] of Object.entries(asked)) form.append(name, value);
  const response = await site.server.request("/api/sessions", { method: "POST", body: form });
  const failed = await site.server.ended((await response.json()).id);
  assert.equal(failed.state, "failed");
  const page = await site.open(`/?session=${failed.id}`);
  site.engine.admit(2);
  await page.getByRole("button", { name: "Try again" }).click();
  await until(page, `!location.search.endsWith("${failed.id}")`);
  assert.deepEqual((await site.server.ended(sessionIn(page))).settings, failed.settings);
});
