/**
 * The STUN and TURN servers that a WHEP address names in its `Link` headers (draft-ietf-wish-whep section 4.6; RFC 8288).
 * @module
 */

/** Address → promise of its servers; asked for once in the life of a page. */
const known = new Map();

/** The servers to be used with a WHEP address, as `RTCPeerConnection` takes them; none when it names none or is away. */
export async function iceServersOf(url) {
  const address = new URL(url, document.baseURI);
  address.search = "";
  if (!known.has(address.href)) known.set(address.href, ask(address));
  const answer = await known.get(address.href);
  if (answer === undefined) known.delete(address.href);
  return answer ?? [];
}

/** Undefined when nobody answers: the next connection asks again. */
async function ask(address) {
  const response = await fetch(address, { method: "OPTIONS", signal: AbortSignal.timeout(2000) }).catch(() => null);
  return response?.ok ? iceServersIn(response.headers.get("link")) : undefined;
}

/**
 * Reads a `Link` header, of which other relations are left out. Several headers are one list (RFC 9110 section 5.3).
 * @param {string | null} header
 * @returns {{ urls: string, username?: string, credential?: string }[]}
 */
export function iceServersIn(header) {
  const links = (header ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]+))*)/g);
  return [...links].map(([, urls, rest]) => ({ urls, ...parametersOf(rest) }))
    .filter(({ rel }) => rel?.split(" ").includes("ice-server"))
    .map(({ urls, username, credential }) => username === undefined ? { urls } : { urls, username, credential });
}

function parametersOf(text) {
  const pairs = text.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))/g);
  return Object.fromEntries(
    [...pairs].map(([, name, quoted, token]) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token]),
  );
}
