/**
 * A Hugging Face hub: which commit a revision is, which files a folder has, and their bytes from any place on. The one
 * user of `@huggingface/hub`; decision 19 says which of its doors are used.
 * @module
 */
import { listFiles, modelInfo } from "@huggingface/hub";
import { withDeadline } from "./deadline.ts";
import { HubError } from "./errors.ts";
import { createHubFetch, type HubFetchOptions } from "./hub_fetch.ts";

/** A file of a repository at one commit. */
export interface HubFile {
  readonly repo: string;
  readonly commit: string;
  /** With folders: `vae/config.json`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
}

/** What the bytes must hash to. Its text is also the name of the blob in the cache. */
export interface Digest {
  /** `sha256` of a large file (Git LFS), or git's own hash of a blob. */
  readonly kind: "sha256" | "git-blob";
  readonly hex: string;
}

export interface Hub {
  /** The commit that a branch, tag or commit is. @throws `HubError` */
  commitOf(repo: string, revision: string): Promise<string>;
  /** The files right in a folder, empty for the root, as the hub describes them. @throws `HubError` */
  filesIn(repo: string, commit: string, folder: string): Promise<HubFile[]>;
  /** A file's bytes from one on. The body may end early. @throws `HubError` */
  open(file: HubFile, fromByte: number, signal: AbortSignal): Promise<OpenedFile>;
}

export interface OpenedFile {
  /** Where the body begins: what was asked for, or 0 from a server that knows no ranges. */
  readonly fromByte: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** @param signal ends every request */
export function createHub(options: HubFetchOptions, signal: AbortSignal): Hub {
  const hubFetch = createHubFetch(options, signal);
  const door = { hubUrl: options.endpoint, fetch: wholeAnswers(hubFetch, options, signal) };
  /** A broken answer, or none of the hub's API: a portal or another server stands at the address. */
  const unread = (repo: string) => (cause: unknown): never => {
    if (cause instanceof HubError) throw cause;
    signal.throwIfAborted();
    throw new HubError("wrong", `Cannot read the hub's answer about "${repo}": ${(cause as Error).message}`, { cause });
  };
  return {
    async commitOf(repo, revision) {
      const { sha } = await modelInfo({ name: repo, revision, additionalFields: ["sha"], ...door }).catch(unread(repo));
      if (!/^[0-9a-f]{40}$/.test(sha)) throw new HubError("wrong", `"${repo}" has the commit "${sha}", which is none`);
      return sha;
    },
    async filesIn(repo, commit, folder) {
      const at = { repo, revision: commit, ...(folder ? { path: folder } : {}) };
      const entries = await Array.fromAsync(listFiles({ ...at, ...door })).catch(unread(repo));
      return entries.filter(({ type }) => type === "file").map(({ path, size, oid, lfs }) => {
        const digest = lfs ? { kind: "sha256", hex: lfs.oid } as const : { kind: "git-blob", hex: oid ?? "" } as const;
        return { repo, commit, path, sizeBytes: lfs?.size ?? size, digest };
      });
    },
    open: (file, fromByte, signal) => openFile(hubFetch, options.endpoint, file, fromByte, signal),
  };
}

/** For short answers: head and body together have the time that a file has for its head. */
function wholeAnswers(
  hubFetch: typeof fetch,
  { endpoint, answerMs }: HubFetchOptions,
  signal: AbortSignal,
): typeof fetch {
  const late = new HubError("stalled", `${endpoint} has not answered for ${answerMs / 1000} s`);
  return (url, init) =>
    withDeadline({ durationMs: answerMs, late, signal }, async () => {
      const answer = await hubFetch(url, init);
      return new Response(await answer.text(), { headers: answer.headers });
    });
}

async function openFile(
  hubFetch: typeof fetch,
  endpoint: string,
  { repo, commit, path, sizeBytes }: HubFile,
  fromByte: number,
  signal: AbortSignal,
): Promise<OpenedFile> {
  const url = `${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const headers: HeadersInit = fromByte > 0 ? { range: `bytes=${fromByte}-` } : {};
  const answer = await hubFetch(url, { headers, signal });
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "");
  const startsAt = answer.status === 206 ? Number(range?.[1]) : 0;
  if ((startsAt !== fromByte && startsAt !== 0) || (range && Number(range[2]) !== sizeBytes)) {
    await answer.body?.cancel();
    throw new HubError("wrong", `The hub answers "${repo}/${path}" with the range "${range?.[0]}", not ${fromByte}-`);
  }
  return { fromByte: startsAt, body: answer.body ?? ReadableStream.from([]) };
}

/**
 * Names and hashes become paths of the cache; sizes decide when a file is whole.
 * @throws `HubError` when they are none
 */
export function believableFile(file: HubFile): HubFile {
  const { repo, path, sizeBytes, digest: { kind, hex } } = file;
  const digits = kind === "sha256" ? 64 : 40;
  const isHash = hex.length === digits && /^[0-9a-f]+$/.test(hex);
  const isPath = path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !name.includes("\\"));
  if (isHash && isPath && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) return file;
  throw new HubError("wrong", `The hub describes "${path}" of "${repo}" with ${sizeBytes} bytes and the hash "${hex}"`);
}
