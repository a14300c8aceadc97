/**
 * STUN and TURN servers as WHIP and WHEP tell them: `Link` headers (RFC 9725, section 4.6). Pure.
 * @module
 */

/** W3C WebRTC, RTCIceServer. */
export interface IceServer {
  readonly url: string;
  /** Printable ASCII. */
  readonly username?: string;
  readonly credential?: string;
}

/** The value of one `Link` header (RFC 8288, section 3) with all of them. */
export function iceServerLinks(servers: readonly IceServer[]): string {
  return servers.map(({ url, username, credential }) => {
    const who = username === undefined || credential === undefined
      ? []
      : [`username=${quoted(username)}`, `credential=${quoted(credential)}`, 'credential-type="password"'];
    return [`<${url}>`, 'rel="ice-server"', ...who].join("; ");
  }).join(", ");
}

/** RFC 9110, section 5.6.4. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
