/**
 * A viewer in Chromium that tells when it decoded and showed what.
 * @module
 */
import type { Browser, Page } from "playwright-core";
import { chromiumPath, launchChromium } from "../tests/chromium.ts";
import { MissingError } from "./figure.ts";

/** When the first picture came, in milliseconds after the WHEP POST. */
export interface Join {
  readonly answeredMs: number;
  readonly decodedMs: number;
}

/** A picture on screen, at a time in milliseconds since 1970. */
export interface ShownPicture {
  readonly rtpTimestamp: number;
  readonly atMs: number;
}

export interface BrowserViewer {
  /** Connects to a WHEP address of the page's server and waits for the first picture. */
  join(whepPath: string): Promise<Join>;
  shown(): Promise<readonly ShownPicture[]>;
  leave(): Promise<void>;
}

export interface ViewerBrowser extends AsyncDisposable {
  /** A new page that belongs to the server at `address`. */
  open(address: string): Promise<BrowserViewer>;
}

/** @throws MissingError without a Chromium */
export async function launchViewerBrowser(): Promise<ViewerBrowser> {
  if (chromiumPath === undefined) throw new MissingError("no Chromium is installed");
  const browser: Browser = await launchChromium();
  const script = await Deno.readTextFile(new URL("browser_viewer.js", import.meta.url));
  return {
    async open(address) {
      const context = await browser.newContext({ bypassCSP: true });
      const page: Page = await context.newPage();
      await page.goto(`${address}/api/health`);
      await page.evaluate(script);
      return {
        join: (whepPath) => page.evaluate(`join(${JSON.stringify(whepPath)})`),
        shown: () => page.evaluate("shown"),
        leave: () => page.evaluate("leave()"),
      };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
