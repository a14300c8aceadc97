/** `deploy/nginx.conf` in a real nginx: TLS and a path of its own in front of the server. */
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { hasNginx, startNginx } from "./nginx.ts";
import { startServerProcess } from "./server_process.ts";
import { until } from "./page_site.ts";

interface Proxied {
  /** `https://127.0.0.1:PORT/framecast` */
  readonly url: string;
  readonly plainUrl: string;
  readonly browser: Browser;
}

function proxyTest(name: string, body: (proxied: Proxied) => Promise<void>): void {
  Deno.test({
    name: `${name} (nginx, Chromium)`,
    ignore: !hasNginx || chromiumPath === undefined,
    sanitizeOps: false, // playwright keeps timers and pipes of its own
    sanitizeResources: false,
    async fn() {
      await using server = await startServerProcess({
        env: {
          FRAMECAST_ENGINE: "test-pattern",
          FRAMECAST_BASE_PATH: "/framecast",
          FRAMECAST_TRUSTED_PROXIES: "127.0.0.1",
        },
      });
      const { host } = new URL(server.firstLine.split(" ").at(-1)!);
      await using nginx = await startNginx(host);
      const browser = await launchChromium();
      try {
        await body({ url: `${nginx.url}/framecast`, plainUrl: nginx.plainUrl, browser });
      } finally {
        await browser.close();
      }
    },
  });
}

proxyTest("the studio behind nginx makes a video, shows it live and then plays the file", async ({ url, browser }) => {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  const complaints: string[] = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  const outside: string[] = [];
  page.on("request", (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(`${url}/`)) outside.push(request.url());
  });
  const viewers: string[] = [];
  page.on("response", async (response) => {
    if (response.status() === 201) viewers.push((await response.headerValue("location"))!);
  });
  await page.goto(url); // without a slash at its end
  await page.locator("[data-example]:visible").first().click();
  await page.getByRole("spinbutton", { name: "Length" }).fill("10");
  await page.getByRole("button", { name: "Generate" }).click();
  await until(
    page,
    `document.querySelector("#stage video")?.srcObject && document.querySelector(".frame-of")?.textContent`,
  );
  assert.ok(viewers.length > 0 && viewers.every((address) => address.startsWith("/framecast/api/sessions/")));
  await until(
    page,
    `document.querySelector("#stage video").src.endsWith("/video.mp4") && !document.querySelector("#stage video").paused`,
  );
  assert.deepEqual([complaints, outside], [[], [`${url}`]]);
});

proxyTest(
  "events and live.ts come while they happen, and plain HTTP is sent to TLS",
  async ({ url, plainUrl, browser }) => {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    await page.goto(`${url}/`);
    const seen = await page.evaluate<{ stateAtStep: string; bytes: number[]; viewers: number[] }>(`(async () => {
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d").fillRect(0, 0, 64, 64);
    const body = new FormData();
    body.append("image", await canvas.convertToBlob());
    body.append("durationSeconds", "20");
    const { links } = await (await fetch("api/sessions", { method: "POST", body })).json();
    const view = async () => await (await fetch(links.self)).json();
    const events = new EventSource(links.events);
    await new Promise((resolve) => events.addEventListener("frameMap", resolve, { once: true }));
    const { state: stateAtStep } = await view();
    const reader = (await fetch(links.liveTs)).body.getReader();
    const bytes = [];
    while (bytes.length < 100 * 188) bytes.push(...(await reader.read()).value);
    const viewers = [(await view()).viewers];
    await reader.cancel();
    while (viewers.at(-1) !== 0) viewers.push((await view()).viewers);
    events.close();
    await fetch(links.self, { method: "DELETE" });
    return { stateAtStep, bytes, viewers };
  })()`);
    assert.equal(seen.stateAtStep, "running");
    assert.ok(seen.bytes.every((byte, k) => k % 188 !== 0 || byte === 0x47), "each packet begins with a sync byte");
    assert.equal(seen.viewers[0], 1);
    const moved = await fetch(`${plainUrl}/framecast/?session=x`, { redirect: "manual" });
    await moved.body?.cancel();
    assert.deepEqual([moved.status, moved.headers.get("location")], [301, "https://127.0.0.1/framecast/?session=x"]);
  },
);
