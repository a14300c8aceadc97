/**
 * STUN and TURN servers as they are written in a setting.
 * @module
 */
import { z } from "zod";

/** What a viewer's browser needs to reach a STUN or TURN server (W3C WebRTC, RTCIceServer). */
export interface IceServer {
  /** RFC 7064 or RFC 7065, without the user: `turn:turn.example:3478?transport=tcp`. */
  readonly url: string;
  /** Printable ASCII, as headers carry it. */
  readonly username?: string;
  readonly credential?: string;
}

/**
 * `stun:host:port` or `turn:user:password@host:port?transport=tcp`; IPv6 in brackets; the port may be left out. User and
 * password are percent-encoded where they hold a comma, a colon, an `@` or a `%`.
 */
const iceServerPattern =
  /^(?<scheme>stuns?|turns?):((?<user>[^:@]+):(?<password>[^:@]+)@)?(?<host>\[[0-9a-f:.]+\]|[\w.-]+)(:(?<port>\d{1,5}))?(?<query>\?transport=(udp|tcp))?$/i;

/** Servers separated by commas. */
export const iceServers = z.string().transform((text) => text.split(",").map((item) => item.trim()).filter(Boolean))
  .transform((items) => items.map(readIceServer)).refine(
    (servers) => !servers.includes(undefined),
    "must be servers such as stun:stun.example:3478 or turn:user:password@turn.example:3478?transport=tcp, " +
      "separated by commas",
  ).transform((servers) => servers as IceServer[]);

function readIceServer(text: string): IceServer | undefined {
  const { scheme = "", user, password, host, port, query = "" } = iceServerPattern.exec(text)?.groups ?? {};
  const isTurn = /^turns?$/i.test(scheme);
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
  const isWhole = isTurn ? user !== undefined : scheme !== "" && user === undefined && query === "";
  if (!isWhole || !isPort) return undefined;
  const url = `${scheme.toLowerCase()}:${host}${port === undefined ? "" : `:${port}`}${query.toLowerCase()}`;
  if (!isTurn) return { url };
  const username = printable(user!);
  const credential = printable(password!);
  return username && credential ? { url, username, credential } : undefined;
}

/** Percent-decoded; undefined when that is not printable ASCII. */
function printable(text: string): string | undefined {
  const bare = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return /^[ -~]+$/.test(bare) ? bare : undefined;
}
