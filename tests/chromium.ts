/**
 * A real Chromium for the tests that need one.
 * @module
 */
import fs from "node:fs";
import type { Browser, Page } from "playwright-core";

const candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of the installed browser, undefined when there is none: the tests that need it are then skipped. */
export const chromiumPath = candidates.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Under a permission list Deno keeps all of /proc closed, and playwright looks there, while it loads, for Windows. */
async function loadPlaywright(): Promise<typeof import("playwright-core")> {
  const { existsSync } = fs;
  fs.existsSync = (path) => {
    try {
      return existsSync(path);
    } catch {
      return false;
    }
  };
  return await import("playwright-core");
}

export async function launchChromium(): Promise<Browser> {
  const { chromium } = await loadPlaywright();
  return await chromium.launch({
    executablePath: chromiumPath!,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
}

/** A test with a Chromium of its own. Playwright keeps timers and pipes; what else runs is checked by its owners' tests. */
export function browserTest(name: string, body: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: chromiumPath === undefined,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const browser = await launchChromium();
      try {
        await body(browser);
      } finally {
        await browser.close();
      }
    },
  });
}

/** What `whep_page.html` keeps about each picture that was shown. */
export interface ShownPicture {
  readonly rtpTimestamp: number;
  readonly code: { readonly frame: number; readonly state: string; readonly section: number } | null;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Red, green and blue near the left edge, an eighth down. */
  readonly bar: readonly number[];
}

export async function picturesOf(page: Page): Promise<ShownPicture[]> {
  return await page.evaluate("pictures");
}

/** Waits until a condition in the page holds, at most a minute. */
export async function until(page: Page, condition: string): Promise<void> {
  await page.waitForFunction(condition, undefined, { timeout: 60_000, polling: 50 });
}

/** The browser's own numbers about the stream it receives. */
export interface ReceivedStats {
  readonly framesDecoded: number;
  readonly packetsLost: number;
  readonly freezeCount: number;
  readonly keyFramesDecoded: number;
  readonly bytesReceived: number;
  readonly decoderImplementation?: string;
}

export async function receivedBy(page: Page): Promise<ReceivedStats> {
  return await page.evaluate("received()");
}
