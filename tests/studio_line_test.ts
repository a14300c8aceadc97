/**
 * The line to the server, in a real Chromium: its state, its breaks, and the way back to the live picture.
 */
import assert from "node:assert/strict";
import { barriers, compareFrameNumbers, shows, until } from "./page_site.ts";
import { generate, livePlays, studioTest, text, viewersOf } from "./studio_page.ts";

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

studioTest("a full house is said, and whoever waits gets the next free place", async (site) => {
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
}, { tools: { limits: { viewers: 1, viewersPerAddress: 1 } } });

const turn = { url: "turn:127.0.0.1:9?transport=udp", username: "anna", credential: 'a "word", and more' };
studioTest("the live picture uses the STUN and TURN servers that its address names", async (site) => {
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
}, { iceServers: [{ url: "stun:127.0.0.1:9" }, turn] });

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
