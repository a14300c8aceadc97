/**
 * A server that can go away and come back, and a page of another origin that frames its embed on a ground of its own.
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { createGatedEngine, type GatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

export interface EmbedSite extends AsyncDisposable {
  readonly engine: GatedEngine;
  /** The one that runs, or ran last. */
  server: TestServer;
  /** Ends the server; until `comeBack` nobody answers. */
  goAway(): Promise<void>;
  /** A new server with the data of the one before. */
  comeBack(): Promise<void>;
  readonly complaints: readonly string[];
  open(path: string, size?: { widthPx: number; heightPx: number }): Promise<Page>;
  /** A page of another origin, green, with the address in a frame that covers it. */
  openFramed(path: string): Promise<Page>;
}

export async function openEmbedSite(): Promise<EmbedSite> {
  const dataDir = await mkdtemp(join(tmpdir(), "framecast-embed-"));
  let engine = createGatedEngine();
  let server = await startServer({ engine, dataDir });
  let answers = true;
  const http = serve((request) => answers ? server.request(request.url, request) : new Response(null, { status: 502 }));
  const frame = serve((request) =>
    new Response(framing(new URL(request.url)), { headers: { "content-type": "text/html" } })
  );
  const browser = await launchChromium();
  const complaints: string[] = [];
  const open = async (url: string, { widthPx = 640, heightPx = 360 } = {}) => {
    const page = await browser.newPage({ viewport: { width: widthPx, height: heightPx } });
    page.on("pageerror", (error) => complaints.push(`${url}: ${error.message}`));
    page.on("console", (message) => {
      const isAnswer = message.text().startsWith("Failed to load resource"); // what was asked of a server that is away
      if (message.type() === "error" && !isAnswer) complaints.push(`${url}: ${message.text()}`);
    });
    await page.goto(url);
    return page;
  };
  return {
    get engine() {
      return engine;
    },
    get server() {
      return server;
    },
    async goAway() {
      answers = false;
      await server.stop();
    },
    async comeBack() {
      engine = createGatedEngine();
      server = await startServer({ engine, dataDir });
      answers = true;
    },
    complaints,
    open: (path, size) => open(`http://127.0.0.1:${http.addr.port}${path}`, size),
    openFramed: (path) => open(`http://127.0.0.1:${frame.addr.port}/?${http.addr.port}${path}`),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await server.stop();
      await http.shutdown();
      await frame.shutdown();
      await rm(dataDir, { recursive: true });
    },
  };
}

function serve(answer: (request: Request) => Response | Promise<Response>) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
}

/** `?PORT/path` names what is framed: another port is another origin. */
function framing({ search }: URL): string {
  const url = `http://127.0.0.1:${search.slice(1)}`;
  return `<!DOCTYPE html><body style="margin: 0; background: rgb(0, 255, 0)">
    <iframe src="${url}" style="position: fixed; inset: 0; width: 100%; height: 100%; border: 0"></iframe>`;
}
