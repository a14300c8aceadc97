/**
 * Requests to a hub: with the token where it belongs, an end to waiting, and one sentence for every refusal.
 * @module
 */
import { following, withDeadline } from "./deadline.ts";
import { HubError } from "./errors.ts";

export interface HubAddress {
  /** Origin and path without a slash at the end: `https://huggingface.co`. */
  readonly endpoint: string;
  readonly token?: string | undefined;
}

export interface HubFetchOptions extends HubAddress {
  /** How long the hub may take for the head of an answer, in milliseconds. */
  readonly answerMs: number;
}

/**
 * Like `fetch`, for one hub. An answer that is not a success is thrown.
 *
 * The token goes to the endpoint's own origin only. Where the hub sends a file elsewhere, `fetch` leaves the header out
 * (Fetch standard, HTTP-redirect fetch, step 13).
 * @param signal for requests that bring none of their own
 * @throws `HubError`; the signal's reason
 */
export function createHubFetch({ endpoint, token, answerMs }: HubFetchOptions, signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    // A file's bytes are what the hash is of; a compressed answer has no ranges either.
    headers.set("accept-encoding", "identity");
    headers.set("user-agent", `framecast; deno/${Deno.version.deno}`);
    headers.delete("authorization");
    if (token && url.origin === new URL(endpoint).origin) headers.set("authorization", `Bearer ${token}`);
    const answer = await answerOf(url, { ...init, headers, signal: init?.signal ?? signal }, answerMs);
    if (answer.ok) return answer;
    const refusal = refusalOf(answer, { endpoint, token });
    await answer.body?.cancel();
    throw refusal;
  };
}

/** @param init its signal reaches on into the body */
async function answerOf(url: URL, init: RequestInit & { signal: AbortSignal }, answerMs: number): Promise<Response> {
  const request = following(init.signal);
  const late = new HubError("stalled", `${url.origin} has not answered for ${answerMs / 1000} s`);
  try {
    const deadline = { durationMs: answerMs, late, signal: init.signal };
    return await withDeadline(deadline, () => fetch(url, { ...init, signal: request.signal }));
  } catch (cause) {
    request.abort();
    init.signal.throwIfAborted();
    if (cause === late) throw late;
    if (cause instanceof Deno.errors.NotCapable) throw fenced(url, cause);
    throw new HubError("unreachable", `Cannot reach ${url.origin}: ${innermost(cause)}`, { cause });
  }
}

function fenced(url: URL, cause: Error): HubError {
  const host = /net access to "([^"]+)"/.exec(cause.message)?.[1] ?? url.host;
  return new HubError(
    "refused",
    `The hub sends this to "${host}", which this command may not call; FRAMECAST_HUB_HOSTS=${host} lets it`,
    { cause },
  );
}

/** `X-Error-Code` and `X-Error-Message` are the hub's own; mirrors may leave them out. */
function refusalOf(answer: Response, { endpoint, token }: HubAddress): HubError {
  const { status, headers, url } = answer;
  const what = nameOf(url, endpoint);
  const code = headers.get("x-error-code") ?? "";
  if (code === "GatedRepo") {
    const terms = `${endpoint}/${what.repo}`;
    return new HubError(
      "refused",
      `"${what.repo}" is open to those who accepted its terms (${status}): accept them at ${terms} and set HF_TOKEN`,
    );
  }
  if (status === 401) {
    const why = token
      ? "the token in HF_TOKEN or in the token file may have expired, or there is no such repository"
      : "set HF_TOKEN if it is private, or there is no such repository";
    return new HubError("refused", `${endpoint} does not show "${what.repo}" (401): ${why}`);
  }
  if (status === 404) return new HubError("missing", missingSentence(code, what, endpoint));
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? NaN);
    const waitMs = Number.isFinite(seconds) ? { waitMs: 1000 * seconds } : {};
    return new HubError("unreachable", `${new URL(url).origin} is busy or broken (${status})`, waitMs);
  }
  const said = headers.get("x-error-message");
  return new HubError("refused", `${new URL(url).origin} refuses "${what.repo}" (${status})${said ? `: ${said}` : ""}`);
}

function missingSentence(code: string, what: ReturnType<typeof nameOf>, endpoint: string): string {
  if (code === "RevisionNotFound") return `"${what.repo}" on ${endpoint} has no revision "${what.revision}" (404)`;
  if (code === "EntryNotFound") return `"${what.repo}" on ${endpoint} has no "${what.path}" (404)`;
  return `There is no "${[what.repo, what.path].filter(Boolean).join("/")}" on ${endpoint} (404)`;
}

/** What an address of the hub is about: `/api/models/O/N/revision/R`, `/api/models/O/N/tree/R/P`, `/O/N/resolve/R/P`. */
function nameOf(url: string, endpoint: string): { repo: string; revision: string; path: string } {
  const path = decodeURIComponent(new URL(url).pathname).slice(new URL(endpoint).pathname.replace(/\/$/, "").length);
  const [, repo, revision, rest = ""] =
    /^\/(?:api\/models\/)?(.+?)\/(?:revision|tree|resolve)\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
  return { repo: repo ?? path.slice(1), revision: revision ?? "", path: rest };
}

/** `fetch failed` and the address say little; what comes after them says more. */
function innermost(error: unknown): string {
  let inner = error as Error;
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner.message.replace(/^error sending request[^()]*(\([^)]*\))?: /, "");
}
