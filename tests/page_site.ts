/**
 * A server with the gated test-pattern engine and a Chromium to look at its pages.
 * @module
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { createGatedEngine, type GatedEngine } from "./gated_engine.ts";
import { type ServerOptions, startServer, type TestServer } from "./server_fixture.ts";

const axeSource = await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

export interface Look {
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly theme?: "dark" | "light";
  /** Instead of size and theme. */
  readonly context?: BrowserContext;
}

export interface Site extends AsyncDisposable {
  readonly server: TestServer;
  readonly engine: GatedEngine;
  readonly browser: Browser;
  /** What pages have asked for so far. */
  readonly requests: readonly { readonly method: string; readonly path: string }[];
  /** What pages complained about so far: errors and breaches of the content policy. */
  readonly complaints: readonly string[];
  /** Opens an address. */
  open(path: string, look?: Look): Promise<Page>;
}

/** @param options of the server; addresses given to `open` are below its base path */
export async function openSite(options: ServerOptions = {}): Promise<Site> {
  const engine = createGatedEngine();
  const server = await startServer({ engine, ...options });
  const requests: { method: string; path: string }[] = [];
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ method: request.method, path: new URL(request.url).pathname });
    return server.request(request.url, request);
  });
  const browser = await launchChromium();
  const complaints: string[] = [];
  return {
    server,
    engine,
    browser,
    requests,
    complaints,
    async open(path, { widthPx = 1280, heightPx = 720, theme = "dark", context } = {}) {
      const look = { viewport: { width: widthPx, height: heightPx }, colorScheme: theme };
      const page = context ? await context.newPage() : await browser.newPage(look);
      page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
      page.on("console", (message) => {
        // A page cannot keep the browser from noting an answer that is not ok.
        const isAnswer = message.text().startsWith("Failed to load resource");
        if (message.type() === "error" && !isAnswer) complaints.push(`${path}: ${message.text()}`);
      });
      await page.goto(`http://127.0.0.1:${http.addr.port}${options.basePath ?? ""}${path}`);
      return page;
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      await server[Symbol.asyncDispose]();
      await http.shutdown();
    },
  };
}

/**
 * Waits until a condition in the page holds, at most 20 s. Not `waitForFunction`, which evaluates a string inside the
 * page: the content policy forbids that, and it is the policy that is tested.
 */
export const until = (page: Pick<Page, "evaluate">, condition: string): Promise<void> =>
  page.evaluate(`new Promise((resolve, reject) => {
    const endsMs = performance.now() + 20_000;
    const look = () => {
      if (${condition}) resolve();
      else if (performance.now() > endsMs) reject(new Error("Waited in vain in: " + document.body.innerText));
      else setTimeout(look, 20);
    };
    look();
  })`);

export const shows = (page: Page, text: string) =>
  until(page, `document.body.innerText.replace(/\\s+/g, " ").includes(${JSON.stringify(text)})`);

/** What axe finds that would keep somebody out. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return await page.evaluate(`axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`);
}

/** How far the page is wider than its window. */
export const overhangPx = (page: Page): Promise<number> =>
  page.evaluate(`new Promise((resolve) => {
    // What lays itself out does so in the frame after the window has changed.
    const measure = () => resolve(document.documentElement.scrollWidth - document.documentElement.clientWidth);
    requestAnimationFrame(() => requestAnimationFrame(measure));
  })`);

/** Looks at this many pictures of the stage: the frame number in the picture is the one that the page says. */
export async function compareFrameNumbers(page: Page, pictures: number): Promise<void> {
  const blockCode = await readFile(new URL("block_code.js", import.meta.url), "utf8");
  await page.evaluate(asScript(blockCode));
  await page.evaluate(countAgreements);
  // Who has just joined is first sent the pictures since the last key frame, faster than they are shown.
  const joining = 10;
  await until(page, `agreements.length >= ${pictures + joining}`);
  // A canvas may already draw the picture after the one that was told of, so not every pair is of one moment.
  const apart = (await page.evaluate<number[]>("agreements")).slice(joining);
  assert.ok(apart.filter((each) => each === 0).length > apart.length / 2, apart.join());
  assert.ok(apart.every((each) => Math.min(each, 36 - each) <= 3), apart.join());
}

/** A module's text as a script, so that a page with a strict policy can be given it. */
const asScript = (module: string) => module.replace(/^export /gm, "");

/** How many frames of the section in the loop the picture is ahead of what the page says, after each picture. */
const countAgreements = `
  var agreements = [];
  {
    const video = document.querySelector("#stage video");
    const canvas = new OffscreenCanvas(1, 1);
    const look = () => {
      video.requestVideoFrameCallback(look);
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0);
      const code = readBlockCode(context.getImageData(0, 0, canvas.width, canvas.height));
      const said = /^frame (\\d+)/.exec(document.querySelector(".frame-of").textContent);
      if (code && said) agreements.push((code.frame - Number(said[1]) + 36) % 36);
    };
    video.requestVideoFrameCallback(look);
  }`;
