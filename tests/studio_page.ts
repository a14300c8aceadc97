/**
 * What the tests of the studio share: a site with a studio, how a video is asked for, and what the page shows, as conditions
 * for `until()`.
 * @module
 */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { chromiumPath } from "./chromium.ts";
import { openSite, type Site, until } from "./page_site.ts";
import type { ServerOptions } from "./server_fixture.ts";

/** Nothing may break, whatever the test looks at. */
export function studioTest(name: string, body: (site: Site) => Promise<void>, options: ServerOptions = {}): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    async fn() {
      await using site = await openSite(options);
      await body(site);
      assert.deepEqual(site.complaints, []);
    },
  });
}

/** The file of a session is up and plays. */
export const filePlays = (id: string) =>
  `document.querySelector("#stage video")?.src.endsWith("${id}/video.mp4") && !document.querySelector("#stage video").paused` +
  ` && document.querySelector(".picture").dataset.shows === "video"`;

/** The live picture is there, and the page knows which frame it shows. */
export const livePlays =
  `document.querySelector("#stage video")?.srcObject && document.querySelector(".frame-of")?.textContent`;

/** A `<video>` of the stage that is up and plays a section's file. */
export const sectionPlays = (section: number) =>
  `[...document.querySelectorAll(".layer-more.is-up")].some((video) => !video.paused && video.src.endsWith("/sections/${section}.mp4"))`;

/** A layer of the stage is up, see `Stage.show()`. */
export const isUp = (layer: string) => `document.querySelector(".picture").dataset.shows === "${layer}"`;

/** The id of the session that the address names. */
export const sessionIn = (page: Page) => new URL(page.url()).searchParams.get("session")!;

export const text = (page: Page, selector: string) => page.locator(selector).innerText();

/** The frame that the page says is on screen. */
export const frameInWords = `Number(document.querySelector(".frame-of").textContent.split(" ")[1])`;
export const frameSaid = async (page: Page) => Number((await text(page, ".frame-of")).split(" ")[1]);

/** Picks the first example, whose words come with it, and asks for a video of this length. */
export async function generate(page: Page, seconds: number): Promise<string> {
  await page.locator("[data-example]:visible").first().click();
  await page.getByRole("spinbutton", { name: "Length" }).fill(String(seconds));
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `location.search.startsWith("?session=")`);
  return sessionIn(page);
}

/** The WHEP resources that a page gets, filled as it goes on. */
export function viewersOf(page: Page): string[] {
  const viewers: string[] = [];
  page.on("response", async (response) => {
    if (response.request().method() === "POST" && response.url().includes("/whep?")) {
      viewers.push(await response.headerValue("location") ?? "");
    }
  });
  return viewers;
}
