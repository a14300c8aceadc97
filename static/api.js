/**
 * The calls of the server. Every refusal is thrown as a `Problem`; a server that cannot be reached is one too, with
 * status 0. Addresses made here are relative, so that they are below the page's `<base>` wherever the server stands; the
 * links of a view are whole paths and are called as they are.
 * @module
 */

/**
 * A refusal (RFC 9457). `detail` is a sentence for the reader, `field` names the setting at fault, `members` all of it,
 * `retryAfterSeconds` the wait that the server asks for.
 */
export class Problem extends Error {
  name = "Problem";

  constructor(members) {
    super(members.detail ?? members.title ?? "The server refused without a reason");
    this.members = members;
    this.type = members.type ?? "about:blank";
    this.status = members.status ?? 0;
    this.field = members.field;
    this.retryAfterSeconds = 0;
  }
}

/** The Problem of an answer that is not ok, whatever its body is. */
export function problemFrom(status, contentType, text) {
  if (contentType?.includes("json")) {
    try {
      return new Problem({ ...JSON.parse(text), status });
    } catch {
      // a broken body says no more than its status does
    }
  }
  return new Problem({ status, detail: `The server answered ${status}` });
}

export function unreachable(cause) {
  const problem = new Problem({ status: 0, detail: "The server cannot be reached" });
  problem.cause = cause;
  return problem;
}

/** `fetch` that throws a `Problem` unless the answer is ok; an abort throws the signal's reason. */
export async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw unreachable(error);
  }
  if (response.ok) return response;
  const problem = problemFrom(response.status, response.headers.get("content-type"), await response.text());
  problem.retryAfterSeconds = Number(response.headers.get("retry-after")) || 0; // a date is not waited for
  throw problem;
}

const getJson = async (path, signal) => (await call(path, { signal, headers: { accept: "application/json" } })).json();

export const sessionPath = (id) => `api/sessions/${encodeURIComponent(id)}`;
export const listSessions = (signal) => getJson("api/sessions", signal);
export const getSession = (id, signal) => getJson(sessionPath(id), signal);
export const listModels = (signal) => getJson("api/models", signal);
export const getHealth = (signal) => getJson("api/health", signal);
export const getOpenApi = (signal) => getJson("api/openapi.json", signal);

/** Ends a session early and keeps what is finished. @returns the session's view */
export const stopSession = async (id) => (await call(`${sessionPath(id)}/stop`, { method: "POST" })).json();

/** Stops a session and forgets it, file and all. */
export const deleteSession = (id) => call(sessionPath(id), { method: "DELETE" });

/** Address of one frame in few bytes: a decoded one, else the newest preview of it. */
export function frameUrl(id, frame, widthPx) {
  return `${sessionPath(id)}/frames/${frame}.jpg?width=${widthPx}`;
}

/** Address of one decoded frame, every pixel as it was made. */
export const exactFrameUrl = (id, frame) => `${sessionPath(id)}/frames/${frame}.png`;
