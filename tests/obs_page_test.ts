/**
 * The OBS help page in a real Chromium: from a name or a video to addresses that work, and whether somebody watches them.
 */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { chromiumPath } from "./chromium.ts";
import { barriers, openSite, overhangPx, shows, type Site, until } from "./page_site.ts";

function obsTest(name: string, body: (site: Site) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    async fn() {
      await using site = await openSite();
      await body(site);
      assert.deepEqual(site.complaints, []);
    },
  });
}

/** The value to copy that stands beside a name, in one of the lists. */
const valueOf = (page: Page, list: string, name: string) =>
  page.evaluate<string>(`[...document.querySelectorAll("#${list} dt")]
    .find(({ textContent }) => textContent === "${name}").nextElementSibling.querySelector("span").textContent`);

obsTest("the OBS help turns a channel's name into the addresses of each way", async ({ open }) => {
  const page = await open("/obs");
  const { origin } = new URL(page.url());
  await shows(page, "Always the newest video");
  assert.equal(await valueOf(page, "media-values", "Input"), `${origin}/api/channels/latest/live.ts`);
  await page.getByRole("textbox", { name: "Name" }).fill("main stage");
  await shows(page, "A name has letters, digits, - and _");
  await page.getByRole("textbox", { name: "Name" }).fill("main-stage");
  await shows(page, `${origin}/embed/channel/main-stage`);
  assert.equal(await valueOf(page, "browser-values", "URL"), `${origin}/embed/channel/main-stage`);
  assert.equal(await valueOf(page, "media-values", "Input"), `${origin}/api/channels/main-stage/live.ts`);
  assert.equal(await valueOf(page, "addresses", "WHEP"), `${origin}/api/channels/main-stage/whep`);
  assert.equal(
    await valueOf(page, "addresses", "ffplay"),
    `ffplay -fflags nobuffer "${origin}/api/channels/main-stage/live.ts"`,
  );
  await shows(page, "-F channel=main-stage");
});

obsTest(
  "the options of the OBS help change the addresses that know them, and a label is told as it is",
  async ({ open }) => {
    const page = await open("/obs?channel=stage");
    await shows(page, "/embed/channel/stage");
    await page.getByText("So far", { exact: true }).click();
    await page.getByText("Fill the source").click();
    await page.getByRole("textbox", { name: "Label" }).fill("on air & live");
    await page.getByRole("textbox", { name: "Background" }).fill("#101010");
    await shows(page, "background=%23101010");
    const query = "view=growing&fit=cover&label=on+air+%26+live&background=%23101010";
    assert.equal(new URL(await valueOf(page, "browser-values", "URL")).search, `?${query}`);
    assert.equal(new URL(await valueOf(page, "media-values", "Input")).search, "?view=growing");
  },
);

obsTest("the OBS help offers the file of a video that is finished", async ({ open, server, engine }) => {
  engine.admit(2);
  const { id } = await server.start({ prompt: "The ball bounces.", durationSeconds: "2" });
  await server.ended(id);
  const page = await open("/obs");
  await page.getByText("One video", { exact: true }).click();
  await shows(page, "video.mp4");
  const file = await page.getByRole("link", { name: "video.mp4" }).getAttribute("href");
  assert.equal((await server.request(new URL(file!, page.url()).pathname)).headers.get("content-type"), "video/mp4");
});

obsTest("the OBS help says when a program watches, and shows what it sees", async ({ open, server, engine }) => {
  engine.admit(1);
  const { id } = await server.start({ durationSeconds: "5" });
  const page = await open(`/obs?session=${id}`);
  await shows(page, "Nothing is connected yet");
  const program = await open(`/embed/${id}`);
  await until(program, `document.querySelector("video.is-up")`);
  await shows(page, "A program is watching this address");
  await until(page, `document.querySelector("#preview").contentDocument?.querySelector("video.is-up")`);
  await shows(page, "96 × 96, 30 frames per second. This is what the address shows.");
  await program.close();
  await shows(page, "Nothing is connected yet");
});

obsTest("each way into OBS has its drawing, in both themes and on a phone", async ({ open }) => {
  for (const theme of ["dark", "light"] as const) {
    const page = await open("/obs", { theme, widthPx: 390, heightPx: 844 });
    await shows(page, "GStreamer");
    const drawn = await page.evaluate<number[]>(
      `[...document.querySelectorAll("svg.drawing use")].map((use) => use.getBBox().height)`,
    );
    assert.equal(drawn.length, 3);
    assert.ok(drawn.every((heightPx) => heightPx > 100), drawn.join());
    assert.equal(await overhangPx(page), 0);
    assert.deepEqual(await barriers(page), []);
  }
});
