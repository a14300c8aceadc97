/**
 * The studio in a real Chromium, against a real server with the test-pattern engine, one section at a time: from a picture
 * and words to a picture that moves and a file that plays.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import type { Engine } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import { encodePng } from "../src/image.ts";
import { chromiumPath } from "./chromium.ts";
import { barriers, compareFrameNumbers, openSite, overhangPx, shows, type Site, until } from "./page_site.ts";

function studioTest(name: string, body: (site: Site) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    async fn() {
      await using site = await openSite();
      await body(site);
    },
  });
}

const filePlays = (id: string) =>
  `document.querySelector("#stage video")?.src.endsWith("${id}/video.mp4") && !document.querySelector("#stage video").paused` +
  ` && document.querySelector(".picture").dataset.shows === "video"`;
const livePlays =
  `document.querySelector("#stage video")?.srcObject && document.querySelector(".frame-of")?.textContent`;
/** A `<video>` of the stage that is up and plays a section's file. */
const sectionPlays = (section: number) =>
  `[...document.querySelectorAll(".layer-more.is-up")].some((video) => !video.paused && video.src.endsWith("/sections/${section}.mp4"))`;
const isUp = (layer: string) => `document.querySelector(".picture").dataset.shows === "${layer}"`;
const sessionIn = (page: Page) => new URL(page.url()).searchParams.get("session")!;
const text = (page: Page, selector: string) => page.locator(selector).innerText();
const frameInWords = `Number(document.querySelector(".frame-of").textContent.split(" ")[1])`;
const frameSaid = async (page: Page) => Number((await text(page, ".frame-of")).split(" ")[1]);

/** Picks the first example, whose words come with it, and asks for a video of this length. */
async function generate(page: Page, seconds: number): Promise<string> {
  await page.locator("[data-example]:visible").first().click();
  await page.getByRole("spinbutton", { name: "Length" }).fill(String(seconds));
  await page.getByRole("button", { name: "Generate" }).click();
  await until(page, `location.search.startsWith("?session=")`);
  return sessionIn(page);
}

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
    assert.equal(await page.title(), "50% · The caterpillar jumps up and down. · framecast");
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

Deno.test({
  name: "from the first steps on the picture moves, and says that it is a preview (Chromium)",
  ignore: chromiumPath === undefined,
  async fn() {
    const { engine, letGo } = engineThatWaitsAfter(4);
    await using site = await openSite({ engine });
    const page = await site.open("/");
    const id = await generate(page, 5);
    await shows(page, "Making section 1 of 4, step 4 of 6");
    await until(page, `document.querySelector(".stage-head .pill").innerText === "Preview of step 4"`);
    await until(page, isUp("video"));
    assert.equal(await page.evaluate(pictureMoves), true);
    const strip = site.requests.filter(({ path }) => /\/frames\/1[1-4]\d\.jpg$/.test(path));
    assert.ok(strip.length > 0 && strip.length <= 12, `${strip.length} pictures of the section in work were asked for`);
    assert.deepEqual(await barriers(page), []);
    letGo();
    await until(page, filePlays(id));
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "without step previews the start picture stays until the first section is made (Chromium)",
  ignore: chromiumPath === undefined,
  async fn() {
    const { engine, letGo } = engineThatWaitsAfter(4);
    await using site = await openSite({ engine });
    const page = await site.open("/");
    await page.locator("#settings summary").click();
    await page.getByRole("combobox", { name: "Step previews" }).selectOption("No");
    const id = await generate(page, 5);
    await shows(page, "Making section 1 of 4, step 4 of 6");
    assert.equal((await site.server.view(id)).settings.previews, false);
    assert.equal(await text(page, ".stage-head .pill"), "Making");
    assert.ok(await page.evaluate(isUp("start")));
    letGo();
    await until(page, filePlays(id));
    assert.deepEqual(site.complaints, []);
  },
});

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

studioTest("the pill opens the state of the line", async ({ open, engine }) => {
  const page = await open("/");
  await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  await page.locator(".stage-head .pill").click();
  await shows(page, "Codec VP8");
  await until(page, `/Frames per second\\s+\\d+\\s/.test(document.querySelector(".line-panel").innerText)`);
  await shows(page, "Viewers 1");
  assert.deepEqual(await barriers(page), []);
});

studioTest("a server that is gone is said, and the session goes on when it is back", async ({ open, engine }) => {
  const page = await open("/");
  await generate(page, 5);
  await shows(page, "Making section 1 of 4");
  let isAway = true;
  await page.route("**/api/**", (route) => isAway ? route.abort() : route.continue());
  await page.evaluate(`dispatchEvent(new Event("online"))`);
  await shows(page, "No connection to the server");
  isAway = false;
  await page.getByRole("button", { name: "Try now" }).click();
  await shows(page, "Making section 1 of 4");
  engine.admit(1);
  await shows(page, "Making section 2 of 4");
});

/** The WHEP resources that a page gets, filled as it goes on. */
function viewersOf(page: Page): string[] {
  const viewers: string[] = [];
  page.on("response", async (response) => {
    if (response.request().method() === "POST" && response.url().includes("/whep?")) {
      viewers.push(await response.headerValue("location") ?? "");
    }
  });
  return viewers;
}

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

studioTest("a live picture that stops is said, and comes back by itself", async ({ open, server, engine }) => {
  const page = await open("/");
  const viewers = viewersOf(page);
  await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  await server.request(viewers.at(-1)!, { method: "DELETE" });
  await shows(page, "Picture interrupted.");
  assert.equal(await text(page, ".stage-head .pill"), "Reconnecting");
  await shows(page, "Only the live picture is interrupted. Your video is still being made.");
  await until(page, `document.querySelector(".stage-head .pill").innerText === "Live"`);
  await compareFrameNumbers(page, 10);
});

Deno.test({
  name: "a full house is said, and whoever waits gets the next free place (Chromium)",
  ignore: chromiumPath === undefined,
  async fn() {
    await using site = await openSite({ tools: { limits: { viewers: 1, viewersPerAddress: 1 } } });
    const first = await site.open("/");
    await generate(first, 5);
    site.engine.admit(2);
    await until(first, livePlays);
    const second = await site.open("/");
    await shows(second, "No place to watch is free. Trying again");
    await shows(second, "As many people watch as this server can serve. Your video is still being made.");
    await first.goto("about:blank"); // says goodbye
    await second.evaluate(`dispatchEvent(new Event("online"))`); // or waits as long as the server asked for
    await until(second, livePlays);
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test({
  name: "the live picture uses the STUN and TURN servers that its address names (Chromium)",
  ignore: chromiumPath === undefined,
  async fn() {
    const turn = { url: "turn:127.0.0.1:9?transport=udp", username: "anna", credential: 'a "word", and more' };
    await using site = await openSite({ iceServers: [{ url: "stun:127.0.0.1:9" }, turn] });
    const context = await site.browser.newContext();
    await context.addInitScript(`{
      const Plain = RTCPeerConnection;
      globalThis.iceServers = [];
      globalThis.RTCPeerConnection = class extends Plain {
        constructor(options) {
          super(options);
          globalThis.iceServers.push(this.getConfiguration().iceServers);
        }
      };
    }`);
    site.engine.admit(2);
    const { id } = await site.server.start({ durationSeconds: "5" });
    const page = await site.open(`/watch/${id}`, { context });
    await until(page, livePlays);
    const used = await page.evaluate<{ urls: string[]; username: string; credential: string }[][]>("iceServers");
    assert.deepEqual(used[0]!.map(({ urls, username, credential }) => [urls, username, credential]), [
      [["stun:127.0.0.1:9"], "", ""],
      [[turn.url], turn.username, turn.credential],
    ]);
    assert.deepEqual(site.complaints, []);
  },
});

studioTest("a page that was kept in the back comes back to the live picture", async ({ open, requests, engine }) => {
  const page = await open("/");
  await generate(page, 5);
  engine.admit(2);
  await until(page, livePlays);
  const before = requests.length;
  await page.evaluate(`dispatchEvent(new Event("pagehide"))`); // says goodbye, as when the page is put away
  await page.evaluate(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`);
  await until(page, `document.querySelector(".stage-head .pill").innerText === "Live"`);
  await compareFrameNumbers(page, 10);
  const again = requests.slice(before).map(({ method, path }) => `${method} ${path.split("/").at(-1)}`);
  assert.ok(again.includes("POST whep") && again.includes("GET events"), again.join());
});

studioTest(
  "a computer that slept asks anew for the session and for its picture",
  async ({ open, requests, engine }) => {
    const page = await open("/");
    await page.clock.install();
    await page.reload();
    await generate(page, 5);
    engine.admit(2);
    await until(page, livePlays);
    const before = requests.length;
    await page.clock.fastForward("10:00"); // timers fire at most once, as when a lid is opened again
    await until(page, `document.querySelector(".stage-head .pill").innerText === "Live"`);
    await compareFrameNumbers(page, 10);
    const again = requests.slice(before).map(({ method, path }) => `${method} ${path.split("/").at(-1)}`);
    assert.ok(again.includes("POST whep") && again.includes("GET events"), again.join());
  },
);

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
