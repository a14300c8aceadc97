/**
 * The OBS page in a real Chromium, against a real server with the test-pattern engine: what a scene shows from one state to
 * the next, from one session to the next, and while the server is away.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { chromiumPath } from "./chromium.ts";
import { type EmbedSite, openEmbedSite } from "./embed_site.ts";
import { barriers, shows, until } from "./page_site.ts";

function embedTest(name: string, body: (site: EmbedSite) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    async fn() {
      await using site = await openEmbedSite();
      await body(site);
      assert.deepEqual(site.complaints, []);
    },
  });
}

/** Conditions in the page. */
const liveIsUp = `document.querySelector("video.is-up")?.srcObject`;
const fileIsUp = (id: string) => `document.querySelector("video.is-up")?.src.endsWith("${id}/video.mp4")`;
const isFadedIn = `getComputedStyle(document.querySelector("video.is-up")).opacity === "1"`;
const nothingIsUp = `!document.querySelector(".is-up")`;
const connections = `performance.getEntriesByType("resource").filter(({ name }) => name.includes("/whep")).length`;
const slateSays = (text: string) => `document.querySelector(".slate.is-up")?.innerText.includes("${text}")`;
const noteSays = (text: string) => `document.querySelector(".slate-note.is-up")?.innerText === "${text}"`;

/** Resolves when the page has been drawn so many times. */
const presentedFrames = (count: number) =>
  `new Promise((resolve) => { let left = ${count}; const next = () => left-- > 0 ? requestAnimationFrame(next) : resolve(); next(); })`;

/** How opaque each pixel of a page is, and its colour: RGBA. */
async function pixelsOf(page: Page) {
  const { data, info } = await sharp(await page.screenshot({ omitBackground: true })).ensureAlpha().raw()
    .toBuffer({ resolveWithObject: true });
  return (x: number, y: number) => [...data.subarray(4 * (y * info.width + x), 4 * (y * info.width + x) + 4)];
}

embedTest("a session waits with its words, shows the live picture and nothing else, then its file", async (site) => {
  const { id } = await site.server.start({ durationSeconds: "5", previews: "false" });
  const page = await site.open(`/embed/${id}`);
  await until(page, slateSays("Making the video"));
  await shows(page, "Section 1 of 4");
  assert.deepEqual(await barriers(page), []);
  site.engine.admit(1);
  await until(page, `${liveIsUp} && document.querySelectorAll(".is-up").length === 1`);
  site.engine.admit(3);
  await until(page, fileIsUp(id));
  await until(page, `!document.querySelector("video.is-up").paused && document.querySelector("video.is-up").loop`);
  assert.equal(await page.evaluate(`document.querySelectorAll(".message.is-up").length`), 0);
});

embedTest("end= decides what is seen of a session that has ended", async (site) => {
  site.engine.admit(2);
  const { id } = await site.server.start({ durationSeconds: "2" });
  await site.server.ended(id);
  const hold = await site.open(`/embed/${id}?end=hold`);
  await until(hold, `${fileIsUp(id)} && document.querySelector("video.is-up").paused`);
  await until(
    hold,
    `document.querySelector("video.is-up").currentTime > document.querySelector("video.is-up").duration - 0.1`,
  );
  const slate = await site.open(`/embed/${id}?end=slate`);
  await until(slate, slateSays("The video is finished"));
  await shows(slate, "2.43 s, 73 frames");
  const none = await site.open(`/embed/${id}?end=none&background=102030`);
  await until(none, `performance.now() > 1000 && ${nothingIsUp}`);
  assert.deepEqual((await pixelsOf(none))(320, 180), [0x10, 0x20, 0x30, 255]);
});

embedTest("slate=none leaves the scene transparent, slate=note says the same in the corner", async (site) => {
  await site.server.start({ durationSeconds: "2" });
  const none = await site.open("/embed/latest?slate=none");
  const note = await site.open("/embed/latest?slate=note");
  await until(note, noteSays("Making the video"));
  await until(none, nothingIsUp);
  const pixel = await pixelsOf(none);
  for (const [x, y] of [[0, 0], [320, 180], [30, 330], [639, 359]] as const) {
    assert.equal(pixel(x, y)[3], 0, `${x}, ${y}`);
  }
  site.engine.admit(1);
  for (const page of [none, note]) {
    await until(page, `${liveIsUp} && document.querySelectorAll(".is-up").length === 1 && ${isFadedIn}`);
  }
  const withPicture = await pixelsOf(none);
  assert.equal(withPicture(320, 180)[3], 255);
  assert.equal(withPicture(5, 180)[3], 0, "beside the picture");
});

embedTest("a label is text and nothing else, at most two lines, and only on a picture", async (site) => {
  site.engine.admit(1);
  const { id } = await site.server.start({
    durationSeconds: "5",
    prompt: `<img src=x onerror="document.title='no'"> sails`,
  });
  const page = await site.open(`/embed/${id}?label=prompt`);
  await until(page, `${liveIsUp} && ${noteSays(`<img src=x onerror=\\"document.title='no'\\"> sails`)}`);
  assert.equal(await page.evaluate(`document.querySelectorAll("img").length`), 0);
  const long = await site.open(`/embed/${id}?label=${"wide ".repeat(40)}`, { widthPx: 200, heightPx: 120 });
  await until(long, `document.querySelector(".slate-note.is-up")`);
  const label = await long.locator(".slate-note.is-up").boundingBox();
  assert.ok(label!.x >= 0 && label!.x + label!.width <= 200, JSON.stringify(label));
  assert.ok(label!.height < 70, JSON.stringify(label));
  assert.deepEqual(await barriers(page), []);
});

embedTest("in a frame of another origin the ground of that page is seen around the picture", async (site) => {
  site.engine.admit(1);
  const { id } = await site.server.start({ durationSeconds: "5", prompt: "" });
  const page = await site.openFramed(`/embed/${id}?label=framed`);
  const frame = page.frames()[1]!;
  await frame.waitForSelector("video.is-up");
  await frame.waitForSelector(".slate-note.is-up");
  await until(frame, isFadedIn);
  const pixel = await pixelsOf(page);
  assert.deepEqual(pixel(10, 180), [0, 255, 0, 255]);
  assert.notDeepEqual(pixel(320, 180), [0, 255, 0, 255]);
});

/** Keeps, for every frame of the screen, what is up and whether it is laid out for the picture it has. */
const watchScreen = `
  window.screenLog = [];
  const look = () => {
    const up = document.querySelector(".layer.is-up");
    const [width, height] = up ? [up.videoWidth ?? up.width, up.videoHeight ?? up.height] : [0, 0];
    const isDistorted = up && Math.abs(up.clientWidth / up.clientHeight - width / height) > 0.02;
    screenLog.push({ what: up?.tagName ?? null, width, height, isDistorted });
    requestAnimationFrame(look);
  };
  look();`;

embedTest(
  "a channel goes from one video to the next of another size without a gap or a distorted picture",
  async (site) => {
    const page = await site.open("/embed/channel/stage");
    await until(page, slateSays("Waiting for the next video"));
    const first = await site.server.start({ durationSeconds: "2", channel: "stage", resolution: "96x96" });
    site.engine.admit(1);
    await until(page, liveIsUp);
    const before = await page.evaluate<number>(connections);
    await page.evaluate(watchScreen);
    site.engine.admit(1);
    await site.server.ended(first.id);
    site.engine.admit(2);
    const second = await site.server.start({ durationSeconds: "2", channel: "stage", resolution: "192x64" });
    await until(page, `document.querySelector("video.is-up")?.videoWidth === 192`);
    await site.server.ended(second.id);
    await until(page, slateSays("Waiting for the next video"));
    const seen = await page.evaluate<{ what: string | null; width: number; isDistorted: boolean }[]>("screenLog");
    const end = seen.findIndex(({ what }) => what === null);
    const playing = seen.slice(0, end);
    assert.deepEqual(playing.filter(({ isDistorted }) => isDistorted), []);
    assert.deepEqual([...new Set(playing.map(({ width }) => width))], [96, 192]);
    assert.equal(await page.evaluate(connections), before, "one connection");
  },
);

/** The frames of the screen from now until `stop()`, as often as it changes: what they show at one place, RGB. */
async function filmPixel(page: Page, [x, y]: readonly [number, number]): Promise<{ stop(): Promise<number[][]> }> {
  const session = await page.context().newCDPSession(page);
  const frames: string[] = [];
  session.on("Page.screencastFrame", ({ data, sessionId }) => {
    frames.push(data);
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => {}); // it may be over
  });
  await session.send("Page.startScreencast", { format: "png", everyNthFrame: 1 });
  return {
    async stop() {
      await session.send("Page.stopScreencast");
      return await Promise.all(frames.map(async (data) => {
        const { data: pixels, info } = await sharp(Buffer.from(data, "base64")).removeAlpha().raw()
          .toBuffer({ resolveWithObject: true });
        const at = 3 * (y * info.width + x);
        return [...pixels.subarray(at, at + 3)];
      }));
    },
  };
}

embedTest("no frame of the screen is black or empty while the size of a channel's picture changes", async (site) => {
  const page = await site.open("/embed/channel/stage?background=ff00ff");
  site.engine.admit(1);
  await site.server.start({ durationSeconds: "2", channel: "stage", resolution: "96x96" });
  await until(page, `${liveIsUp} && ${isFadedIn}`);
  // In the bars of both pictures, where nothing is dark and nothing magenta.
  const camera = await filmPixel(page, [320, 100]);
  site.engine.admit(3);
  await site.server.start({ durationSeconds: "2", channel: "stage", resolution: "192x64" });
  await until(page, `document.querySelector("video.is-up")?.videoWidth === 192 && ${isFadedIn}`);
  await page.evaluate(presentedFrames(30));
  const film = await camera.stop();
  assert.ok(film.length >= 3, `the screen changed ${film.length} times`);
  const wrong = film.filter(([red, green, blue]) => green! < 90 && (red! + blue! < 120 || red! + blue! > 380));
  assert.deepEqual(wrong, []);
});

embedTest(
  "a server that goes away and comes back: the last frame stays, with a note, then the picture goes on",
  async (site) => {
    site.engine.admit(2);
    const { id } = await site.server.start({ durationSeconds: "5", channel: "stage" });
    const page = await site.open("/embed/channel/stage");
    await until(page, liveIsUp);
    await page.evaluate(watchScreen);
    await site.goAway();
    await until(page, noteSays("Reconnecting"));
    await until(page, `${connections} >= 4`); // it has tried several times
    await site.comeBack();
    site.engine.admit(4);
    const again = await site.server.start({ durationSeconds: "5", channel: "stage" });
    await until(page, `${liveIsUp} && !document.querySelector(".message.is-up")`);
    assert.notEqual(id, again.id);
    const seen = await page.evaluate<{ what: string | null }[]>("screenLog");
    assert.ok(seen.every(({ what }) => what !== null), "something was up at all times");
  },
);

embedTest("while a file cannot be read, the live picture takes its place", async (site) => {
  site.engine.admit(2);
  const { id } = await site.server.start({ durationSeconds: "2" });
  await site.server.ended(id);
  const page = await site.open(`/embed/${id}`);
  await until(page, fileIsUp(id));
  await page.route("**/video.mp4", (route) => route.abort());
  await page.evaluate(`document.querySelector("video.is-up").load()`); // as if more of it were needed
  await until(page, liveIsUp);
  await page.unroute("**/video.mp4");
  await until(page, `${fileIsUp(id)} && !document.querySelector("video.is-up").paused`);
});
