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
import { emojiDir } from "./emoji.ts";
import { seenModules, writeLora } from "./lora_files.ts";
import { barriers, openSite, overhangPx, type Site, until } from "./page_site.ts";
import { generate, studioTest, text } from "./studio_page.ts";

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
