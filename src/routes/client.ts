/**
 * Who asks, as far as the proxies in front are believed.
 * @module
 */
import { BlockList, isIP } from "node:net";
import type { MiddlewareHandler } from "hono";

export interface Client {
  /** IP address; undefined where the connection has none. */
  readonly address: string | undefined;
  /** What the client called this server, as a Host header has it. */
  readonly host: string;
}

/** What every route can ask of its context: `c.get("client")`. */
export interface ClientEnvironment {
  Variables: { client: Client };
  /** Of `Deno.serve`; there is none when no socket is. */
  Bindings: Partial<Deno.ServeHandlerInfo<Deno.Addr>>;
}

/** @param proxies as for `proxyTest` */
export function identify(proxies: readonly string[]): MiddlewareHandler<ClientEnvironment> {
  const isProxy = proxyTest(proxies);
  return async (c, next) => {
    const peer = c.env?.remoteAddr;
    c.set("client", clientOf(c.req.raw, peer && "hostname" in peer ? peer.hostname : undefined, isProxy));
    await next();
  };
}

/** Decides which addresses are proxies. */
export type ProxyTest = (address: string) => boolean;

/** @param proxies addresses or networks, `127.0.0.1` or `172.16.0.0/12` */
export function proxyTest(proxies: readonly string[]): ProxyTest {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [network = "", bits] = proxy.split("/");
    if (bits === undefined) list.addAddress(network, familyOf(network));
    else list.addSubnet(network, Number(bits), familyOf(network));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

/**
 * Every proxy appends whom it got the request from to `X-Forwarded-For`, so the list is true from its right end up to the
 * first address that is no proxy of ours; what stands left of that is whatever the client liked to write. Pure.
 * @param peerAddress other end of the connection
 */
export function clientOf(request: Request, peerAddress: string | undefined, isProxy: ProxyTest): Client {
  const header = (name: string) => request.headers.get(name)?.split(",").map((item) => item.trim()) ?? [];
  let address = peerAddress === undefined ? undefined : bare(peerAddress);
  if (address === undefined || !isProxy(address)) return { address, host: hostOf(request) };
  for (const item of header("x-forwarded-for").reverse()) {
    const before = bare(item);
    if (isIP(before) === 0) break;
    address = before;
    if (!isProxy(address)) break;
  }
  return { address, host: header("x-forwarded-host").at(-1) || hostOf(request) };
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** Without port and brackets, and IPv4 as such where it is dressed as IPv6 (RFC 4291, 2.5.5.2). */
function bare(text: string): string {
  const address = /^\[(.+)\](:\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
