/**
 * The pages in a real Chromium, against a real server with the test-pattern engine: what they show, that nothing breaks
 * the content policy, that nothing sticks out, and that axe finds nothing serious in either theme.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { chromiumPath } from "./chromium.ts";
import { barriers, compareFrameNumbers, openSite, overhangPx, shows, type Site, until } from "./page_site.ts";
import { sessionForm } from "./server_fixture.ts";

const ignore = chromiumPath === undefined;

/** Sessions in the states that pages look different in; `running` is in its third section of four. */
async function makeSessions({ server, engine }: Site) {
  engine.admit(2);
  const completed = await server.start({ prompt: "The ball bounces.", durationSeconds: "2" });
  await server.ended(completed.id);
  engine.admit(2);
  const running = await server.start({ prompt: "The boat sails across the bay.", durationSeconds: "5" });
  await server.event(running.id, ({ event, data }) => event === "progress" && data.timings.sections.length === 2);
  const queued = await server.start({ prompt: "The rocket lifts off.", durationSeconds: "5", schedule: "forward" });
  return { completed, running, queued };
}

Deno.test("every address in a page, script or style sheet is below the page's base", async () => {
  const folder = new URL("../static/", import.meta.url);
  // A call in the server's own OpenAPI document and the type of one of its problems are names, not places to go to.
  const names = /openApi\.paths\?\.\["\/api\/sessions"\]|type: "\/api\/docs#/g;
  for (const file of (await readdir(folder)).filter((name) => /\.(html|css|js)$/.test(name))) {
    const text = await readFile(new URL(file, folder), "utf8");
    const isPage = file.endsWith(".html");
    assert.equal(text.split('<base href="/">').length - 1, isPage ? 1 : 0, file);
    const rest = text.replace('<base href="/">', "").replace(/\/\*[^]*?\*\//g, "").replace(names, "");
    const found = rest.match(isPage ? /["'=]\/.{0,40}/g : /["'`(]\/[\w#?$].{0,40}/g) ?? [];
    assert.deepEqual(found, [], file);
  }
});

Deno.test({
  name: "below a path of its host, every page finds its files, its calls and its neighbours",
  ignore,
  async fn() {
    await using site = await openSite({ basePath: "/tools/cast" });
    site.engine.admit(2);
    const response = await site.server.request("/tools/cast/api/sessions", {
      method: "POST",
      body: await sessionForm({ durationSeconds: "2", prompt: "The ball bounces." }),
    });
    const { id } = await response.json();
    const addresses = [
      ["/", "The ball bounces."],
      [`/?session=${id}`, "Ready:"],
      [`/watch/${id}`, "Ready:"],
      ["/obs", "Always the newest video"],
      ["/api/docs", "A setting is unknown"],
    ] as const;
    for (const [path, words] of addresses) {
      const page = await site.open(path);
      if (path === "/") await page.getByRole("tab", { name: "Sessions" }).first().click();
      await shows(page, words);
    }
    const page = await site.open(`/?session=${id}`);
    await page.getByRole("link", { name: "Use in OBS" }).click();
    await until(page, `location.pathname + location.search === "/tools/cast/obs?session=${id}"`);
    await page.getByRole("link", { name: "framecast" }).click();
    await until(page, `location.pathname === "/tools/cast/"`);
    await page.locator("[data-example]:visible").first().click();
    await page.getByRole("button", { name: "Generate" }).click();
    await until(page, `location.pathname === "/tools/cast/" && location.search.startsWith("?session=")`);
    assert.deepEqual(
      site.requests.filter(({ path }) => !path.startsWith("/tools/cast/") && path !== "/favicon.ico"),
      [],
    );
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "a link to a part of the page stays on the page",
  ignore,
  async fn() {
    await using site = await openSite();
    const page = await site.open("/watch/unknown?a=b");
    await shows(page, "There is no such video");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await until(page, `document.activeElement?.id === "stage"`);
    assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, "/watch/unknown?a=b");
  },
});

Deno.test({
  name: "axe finds nothing serious on any page, in both themes, and no page is wider than its window",
  ignore,
  async fn() {
    await using site = await openSite();
    const { completed, running, queued } = await makeSessions(site);
    const addresses: [path: string, text: string][] = [
      ["/", "New video"],
      [`/watch/${running.id}`, "50% made"],
      [`/watch/${queued.id}`, "The picture above is the start picture."],
      [`/watch/${completed.id}`, "Ready:"],
      ["/watch/unknown", "There is no such video"],
      [`/obs?session=${running.id}`, "Press OK"],
      ["/obs", "Always the newest video"],
      ["/api/docs", "A setting is unknown"],
    ];
    for (const theme of ["dark", "light"] as const) {
      for (const [path, text] of addresses) {
        const page = await site.open(path, { theme });
        await shows(page, text);
        assert.deepEqual(await barriers(page), [], `${path}, ${theme}`);
        for (const widthPx of [320, 390, 1280, 1920]) {
          await page.setViewportSize({ width: widthPx, height: 844 });
          assert.equal(await overhangPx(page), 0, `${path} at ${widthPx} px`);
        }
        await page.close();
      }
    }
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the watch page plays the live picture and says which frame of the video is on screen",
  ignore,
  async fn() {
    await using site = await openSite();
    const { running } = await makeSessions(site);
    const page = await site.open(`/watch/${running.id}`);
    await shows(page, "50% made");
    await shows(page, "The end is made first. You see the newest part, again and again.");
    await compareFrameNumbers(page, 20);
    const stage = await page.locator("#stage").boundingBox();
    const timeline = await page.locator("#timeline").boundingBox();
    assert.ok(stage!.height > 300 && timeline!.y + timeline!.height <= 720, "both are visible without scrolling");
    site.engine.admit(2);
    await shows(page, "Ready:");
    await until(
      page,
      "document.querySelector('video').src.endsWith('.mp4') && document.querySelector('video').controls",
    );
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the OBS page scales its slate into a small source, and draws small pictures at a whole multiple",
  ignore,
  async fn() {
    await using site = await openSite();
    const { completed } = await makeSessions(site);
    const small = await site.open("/embed/unknown", { widthPx: 200, heightPx: 100 });
    await shows(small, "No picture");
    const slate = await small.locator(".slate").boundingBox();
    assert.ok(slate!.width <= 180.5 && slate!.x >= 9.5, `${slate!.x}, ${slate!.width}`);
    const page = await site.open(`/embed/${completed.id}`, { widthPx: 640, heightPx: 360 });
    await until(page, `document.querySelector("video.is-up")`);
    const { widthPx } = (await site.server.view(completed.id)).plan;
    const box = await page.locator("video.is-up").boundingBox();
    assert.equal(box!.width % widthPx, 0);
    assert.ok(box!.width > widthPx);
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the OBS help writes its options into the address and offers the size times four for tiny videos",
  ignore,
  async fn() {
    await using site = await openSite();
    const { running } = await makeSessions(site);
    const page = await site.open(`/obs?session=${running.id}`);
    await shows(page, `/embed/${running.id}`);
    await shows(page, `Width ${running.plan.widthPx * 4}`);
    await page.getByText("Small note").click();
    await page.getByText("Hold last frame").click();
    await shows(page, `/embed/${running.id}?slate=note&end=hold`);
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the API page shows its examples with the real address and every call of the server",
  ignore,
  async fn() {
    await using site = await openSite();
    const page = await site.open("/api/docs#problem-queue-full");
    await shows(page, `curl -i ${new URL(page.url()).origin}/api/sessions`);
    await shows(page, "/api/sessions/{id}/whep/{viewer}");
    await until(page, `document.querySelector("#problem-queue-full").getBoundingClientRect().top < innerHeight`);
    await page.getByRole("button", { name: "Python" }).click();
    await shows(page, "import json, requests");
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the theme is the system's until somebody chooses, and the choice is kept",
  ignore,
  async fn() {
    await using site = await openSite();
    const page = await site.open("/obs", { theme: "light" });
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "light");
    await page.emulateMedia({ colorScheme: "dark" });
    await until(page, `document.documentElement.dataset.theme === "dark"`);
    await page.getByRole("button", { name: "Use the light theme" }).click();
    await page.reload();
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "light");
    assert.deepEqual(site.complaints, []);
  },
});
