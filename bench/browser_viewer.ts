/**
 * A viewer in a browser that tells when it decoded and showed what.
 * @module
 */
import { chromiumPath, launchChromium } from "../tests/chromium.ts";
import { firefoxPath, launchFirefox } from "../tests/firefox.ts";
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

/** What the browser counted of the stream (webrtc-stats, RTCInboundRtpStreamStats). */
export interface Received {
  readonly framesDecoded: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly nackCount: number;
  readonly pliCount: number;
}

export interface BrowserViewer {
  /** Connects to a WHEP address of the page's server and waits for the first picture. */
  join(whepPath: string): Promise<Join>;
  /** Pictures since it joined; nothing is left out while the page is in front. */
  shown(): Promise<readonly ShownPicture[]>;
  received(): Promise<Received>;
  leave(): Promise<void>;
}

export interface ViewerBrowser extends AsyncDisposable {
  readonly name: string;
  /** A new page that belongs to the server at `address`. */
  open(address: string): Promise<BrowserViewer>;
}

/** @throws MissingError without a Chromium */
export async function launchViewerBrowser(): Promise<ViewerBrowser> {
  if (chromiumPath === undefined) throw new MissingError("no Chromium is installed");
  const browser = await launchChromium();
  return {
    name: "Chromium",
    async open(address) {
      const context = await browser.newContext({ bypassCSP: true });
      const page = await context.newPage();
      await page.goto(plainPage(address));
      await page.evaluate(await viewerScript());
      return viewerIn((expression) => page.evaluate(expression));
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** @throws MissingError without a Firefox */
export async function launchViewerFirefox(): Promise<ViewerBrowser> {
  if (firefoxPath === undefined) throw new MissingError("no Firefox is installed");
  const firefox = await launchFirefox();
  return {
    name: "Firefox",
    async open(address) {
      const page = await firefox.open(plainPage(address));
      await page.evaluate(`(() => { ${await viewerScript()} })()`);
      return viewerIn((expression) => page.evaluate(expression));
    },
    [Symbol.asyncDispose]: () => firefox[Symbol.asyncDispose](),
  };
}

const viewerScript = () => Deno.readTextFile(new URL("browser_viewer.js", import.meta.url));

/** Something of the server's with no script of its own. */
const plainPage = (address: string) => `${address}/obs`;

function viewerIn(evaluate: <Value>(expression: string) => Promise<Value>): BrowserViewer {
  return {
    join: (whepPath) => evaluate(`join(${JSON.stringify(whepPath)})`),
    shown: () => evaluate("shown"),
    received: () => evaluate("received()"),
    leave: () => evaluate("leave()"),
  };
}
