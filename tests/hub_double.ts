/**
 * A hub on this computer: its API as far as `pull` and Hugging Face's own programs use it, large files sent from another
 * host by a redirect, and every fault a line may have.
 *
 * Answers and headers as the hub gives them: https://huggingface.co/docs/hub/api, and huggingface_hub, `file_download.py`.
 * @module
 */
import { createHash } from "node:crypto";

/** What goes wrong with one answer of a large file. */
export type Fault =
  /** The connection ends after so many bytes of the answer. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Nothing more comes after so many bytes, and the connection stays. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** One bit is another. */
  | { readonly kind: "flip" }
  /** The whole file, whatever range was asked for. */
  | { readonly kind: "no-ranges" }
  | { readonly kind: "status"; readonly status: number; readonly headers?: Record<string, string> };

export interface DoubleRepo {
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** Files of the LFS kind. Default: `.safetensors`. */
  readonly isLarge?: (path: string) => boolean;
  /** Only who has this may see it. */
  readonly token?: string;
  /** Only who has accepted its terms, which nobody has. */
  readonly isGated?: boolean;
  /** Default `main`, of one commit. */
  readonly revisions?: Readonly<Record<string, string>>;
}

export interface SeenRequest {
  readonly host: "hub" | "storage";
  readonly method: string;
  /** With the query of API calls. */
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

export const mainCommit = "86cef43000000000000000000000000000000001";

export class HubDouble implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** Faults of the next answers for a path of the storage, in order. */
  readonly faults = new Map<string, Fault[]>();
  /** How many entries a page of a folder's list has. */
  pageSize = 1000;
  readonly #repos: Readonly<Record<string, DoubleRepo>>;
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #storage: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();

  constructor(repos: Readonly<Record<string, DoubleRepo>>) {
    this.#repos = repos;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: this.#closing.signal };
    this.#hub = Deno.serve(options, (request) => this.#atHub(request));
    this.#storage = Deno.serve(options, (request) => this.#atStorage(request));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Where large files come from. */
  get storageHost(): string {
    return `127.0.0.1:${this.#storage.addr.port}`;
  }

  /** `OWNER/NAME/PATH` of every file whose bytes were asked for, in order. */
  get fetched(): string[] {
    return this.seen.filter(({ method, path }) => method === "GET" && path.includes("/resolve/"))
      .map(({ path }) => decodeURIComponent(path).slice(1).replace(/\/resolve\/[^/]+/, ""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#hub.finished, this.#storage.finished]);
  }

  #atHub(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    this.#note("hub", request, pathname + (pathname.startsWith("/api/") ? search : ""));
    const path = decodeURIComponent(pathname);
    const [, isApi, id, kind, revision, rest = ""] =
      /^\/(api\/models\/)?([^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const repo = this.#repos[id ?? ""];
    const authorization = request.headers.get("authorization");
    if (!repo) return refusal(authorization ? 404 : 401, "RepoNotFound", "Repository not found");
    if (repo.token && authorization !== `Bearer ${repo.token}`) return refusal(401, "RepoNotFound", "Invalid username");
    if (repo.isGated) return refusal(403, "GatedRepo", `Access to model ${id} is restricted`);
    const commits = repo.revisions ?? { main: mainCommit };
    const commit = commits[revision!] ?? Object.values(commits).find((commit) => commit === revision);
    if (!commit) return refusal(404, "RevisionNotFound", `Invalid rev id: ${revision}`);
    if (isApi && kind === "revision") return Response.json({ _id: "1", id, modelId: id, sha: commit, private: false });
    if (isApi) return this.#tree(repo, rest, new URL(request.url));
    return this.#resolve(repo, `${id}/${rest}`, rest, commit, request);
  }

  #tree(repo: DoubleRepo, folder: string, url: URL): Response {
    const isRecursive = url.searchParams.get("recursive") === "true";
    const below = Object.keys(repo.files).filter((path) => folder === "" || path.startsWith(`${folder}/`));
    if (below.length === 0) return refusal(404, "EntryNotFound", `${folder} does not exist on "main"`);
    const start = folder === "" ? 0 : folder.length + 1;
    const isDeep = (path: string) => path.slice(start).includes("/");
    const folders = new Set(below.filter(isDeep).map((path) => path.slice(0, path.indexOf("/", start))));
    const all = [
      ...[...folders].map((path) => ({ type: "directory", path, size: 0, oid: gitBlob(new Uint8Array()) })),
      ...below.filter((path) => isRecursive || !isDeep(path)).map((path) => entryOf(repo, path)),
    ];
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const next = new URL(url);
    next.searchParams.set("cursor", `${from + this.pageSize}`);
    const headers = from + this.pageSize < all.length ? { link: `<${next}>; rel="next"` } : {};
    return Response.json(all.slice(from, from + this.pageSize), { headers });
  }

  #resolve(repo: DoubleRepo, name: string, path: string, commit: string, request: Request): Response {
    const bytes = repo.files[path];
    if (!bytes) return refusal(404, "EntryNotFound", "Entry not found");
    const { oid, lfs } = entryOf(repo, path);
    const headers = { "x-repo-commit": commit, "accept-ranges": "bytes" };
    if (!lfs) return ranged(bytes, request, { ...headers, etag: `"${oid}"` });
    return new Response(null, {
      status: 302,
      headers: {
        ...headers,
        location: `http://${this.storageHost}/${name}?signature=x`,
        "x-linked-etag": `"${lfs.oid}"`,
        "x-linked-size": `${lfs.size}`,
      },
    });
  }

  #atStorage(request: Request): Response {
    const name = decodeURIComponent(new URL(request.url).pathname).slice(1);
    this.#note("storage", request, `/${name}`);
    const [owner, repo, ...path] = name.split("/");
    const bytes = this.#repos[`${owner}/${repo}`]!.files[path.join("/")]!;
    const fault = this.faults.get(name)?.shift();
    return fault ? faulty(fault, bytes, request, this.#closing.signal) : ranged(bytes, request);
  }

  #note(host: SeenRequest["host"], { method, headers }: Request, path: string): void {
    this.seen.push({ host, method, path, range: headers.get("range"), authorization: headers.get("authorization") });
  }
}

function refusal(status: number, code: string, message: string): Response {
  const headers = { "x-error-code": code, "x-error-message": message };
  return Response.json({ error: message }, { status, headers });
}

function entryOf({ files, isLarge = (path) => path.endsWith(".safetensors") }: DoubleRepo, path: string) {
  const bytes = files[path]!;
  const entry = { type: "file", path, size: bytes.length, oid: gitBlob(bytes) };
  if (!isLarge(path)) return { ...entry, lfs: undefined };
  const lfs = { oid: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, pointerSize: 134 };
  return { ...entry, lfs };
}

function gitBlob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function ranged(bytes: Uint8Array<ArrayBuffer>, request: Request, headers: Record<string, string> = {}): Response {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? NaN);
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "content-length": `${bytes.length}` } });
  }
  if (Number.isNaN(from)) return new Response(bytes, { headers });
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return new Response(bytes.subarray(from), { status: 206, headers: { ...headers, "content-range": range } });
}

function faulty(fault: Fault, bytes: Uint8Array<ArrayBuffer>, request: Request, closing: AbortSignal): Response {
  if (fault.kind === "status") return new Response(null, { status: fault.status, headers: fault.headers ?? {} });
  if (fault.kind === "no-ranges") return new Response(bytes);
  if (fault.kind === "flip") {
    const other = bytes.slice();
    other[other.length >> 1]! ^= 1;
    return ranged(other, request);
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  const part = bytes.slice(from, from + fault.afterBytes);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      if (part.length > 0) controller.enqueue(part);
      if (fault.kind === "stall") closing.addEventListener("abort", () => controller.error(), { once: true });
    },
    pull(controller) {
      // Fewer bytes than the head of the answer promised: the connection breaks.
      if (fault.kind === "cut") controller.close();
      return fault.kind === "cut" ? undefined : new Promise(() => {});
    },
  });
  const headers = { "content-length": `${bytes.length - from}` };
  if (from === 0) return new Response(body, { headers });
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return new Response(body, { status: 206, headers: { ...headers, "content-range": range } });
}
