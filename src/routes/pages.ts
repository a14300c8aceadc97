/**
 * The pages: plain files, no build step.
 * @module
 */
import { type Context, Hono } from "hono";
import { extname, join, normalize, sep } from "node:path";
import { Refusal } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import { type Content, contentResponse, fileContent } from "./file.ts";

export interface PagesOptions {
  /** Folder of the pages. */
  readonly staticDir: string;
  /** Folder of model folders; their examples are pictures the pages show. */
  readonly modelsDir: string;
}

/** Address → file. An id in an address is read by the page itself. */
const pages = {
  "/": "studio.html",
  "/watch/:id": "watch.html",
  "/embed/:id": "embed.html",
  "/embed/channel/:name": "embed.html",
  "/obs": "obs.html",
  "/api/docs": "docs.html",
} as const;

const mediaTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".mp4": "video/mp4",
  ".webm": "video/webm",
  ".ico": "image/x-icon",
  ".txt": "text/plain; charset=utf-8",
};
const pictureTypes = new Set([".png", ".jpg", ".webp", ".mp4", ".webm"]);

/** Scripts and styles of this server only; pictures also from memory. A page of ours is framed by nobody but the embed. */
const contentPolicy = (framedBy: "'none'" | "*") =>
  "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'self'; " +
  `form-action 'self'; frame-ancestors ${framedBy}`;

export function pageRoutes({ staticDir, modelsDir }: PagesOptions, base: BasePath): Hono {
  const routes = new Hono();
  const serve = (c: Context, dir: string, file: string, headers: Record<string, string>) =>
    serveFile(c, { dir, file, headers, base });

  for (const [address, file] of Object.entries(pages)) {
    const framedBy = file === "embed.html" ? "*" : "'none'";
    routes.get(address, (c) => serve(c, staticDir, file, { "content-security-policy": contentPolicy(framedBy) }));
  }
  routes.get("/examples/:model/:file{.+}", (c) => {
    const { model, file } = c.req.param();
    if (!pictureTypes.has(extname(file))) throw nothingAt(c);
    return serve(c, modelsDir, join(model, "examples", file), {});
  });
  routes.get("/*", (c) => serve(c, staticDir, decodePath(c), { "content-security-policy": contentPolicy("'none'") }));
  return routes;
}

interface Serving {
  /** Nothing beside this folder is served. */
  readonly dir: string;
  /** Path below it, as somebody asked for it. */
  readonly file: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly base: BasePath;
}

/** `no-cache`: kept, but asked for again each time, so that a new version shows at once. */
async function serveFile(c: Context, { dir, file, headers, base }: Serving): Promise<Response> {
  const type = mediaTypes[extname(file)];
  const path = normalize(join(dir, file));
  const isInside = path.startsWith(normalize(dir + sep)) && !/(^|[/\\])\./.test(file) && !file.includes("\0");
  if (type === undefined || !isInside) throw nothingAt(c);
  try {
    const content = extname(file) === ".html" ? await pageContent(path, base) : await fileContent(path);
    return await contentResponse(c.req.raw, content, { "content-type": type, "cache-control": "no-cache", ...headers });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) throw nothingAt(c);
    throw error;
  }
}

/** A page names everything relative to its base, and learns here where that is. */
async function pageContent(path: string, base: BasePath): Promise<Content> {
  const { etag } = await fileContent(path);
  const text = await Deno.readTextFile(path);
  const page = text.replace('<base href="/">', () => `<base href="${base.address("/")}">`);
  const bytes = new TextEncoder().encode(page);
  return { sizeBytes: bytes.length, etag, open: ({ start, end }) => Promise.resolve(bytes.slice(start, end)) };
}

function decodePath(c: Context): string {
  try {
    return decodeURIComponent(c.req.path);
  } catch {
    throw nothingAt(c);
  }
}

function nothingAt(c: Context): Refusal {
  return new Refusal("not-found", `There is nothing at ${c.req.path.slice(0, 200)}`);
}
