import assert from "node:assert/strict";
import { clientOf, proxyTest } from "./client.ts";

const isProxy = proxyTest(["127.0.0.1", "::1", "172.16.0.0/12", "fd00::/8"]);

function client(peer: string | undefined, headers: Record<string, string> = {}) {
  return clientOf(new Request("http://server.local/", { headers }), peer, isProxy);
}

const cases: readonly (readonly [name: string, peer: string, forwardedFor: string | null, expected: string])[] = [
  ["a connection without a proxy", "203.0.113.7", null, "203.0.113.7"],
  ["a stranger who claims to be somebody else", "203.0.113.7", "10.0.0.1", "203.0.113.7"],
  ["a proxy", "127.0.0.1", "198.51.100.2", "198.51.100.2"],
  ["a proxy that says nothing", "127.0.0.1", null, "127.0.0.1"],
  ["a client behind a proxy who claims to be somebody else", "127.0.0.1", "10.9.9.9, 198.51.100.2", "198.51.100.2"],
  ["two proxies", "::1", "198.51.100.2, 172.18.0.3", "198.51.100.2"],
  ["a client in the proxies' own network", "127.0.0.1", "172.18.0.9", "172.18.0.9"],
  ["a proxy that writes ports", "127.0.0.1", "198.51.100.2:51234", "198.51.100.2"],
  ["IPv6 with a port", "fd12::1", "[2001:db8::5]:443", "2001:db8::5"],
  ["IPv4 dressed as IPv6", "::ffff:127.0.0.1", "::ffff:198.51.100.2", "198.51.100.2"],
  ["a list that holds no address", "127.0.0.1", "unknown", "127.0.0.1"],
  ["rubbish left of an address", "127.0.0.1", "<script>, 172.18.0.3", "172.18.0.3"],
];

for (const [name, peer, forwardedFor, expected] of cases) {
  Deno.test(`clientOf() ${name}`, () => {
    assert.equal(client(peer, forwardedFor === null ? {} : { "x-forwarded-for": forwardedFor }).address, expected);
  });
}

Deno.test("clientOf() believes a proxy alone what the server was called", () => {
  const headers = { host: "127.0.0.1:8000", "x-forwarded-host": "evil.example, video.example" };
  assert.equal(client("127.0.0.1", headers).host, "video.example");
  assert.equal(client("203.0.113.7", headers).host, "127.0.0.1:8000");
  assert.equal(client(undefined, headers).host, "127.0.0.1:8000");
  assert.equal(client(undefined).host, "server.local");
  assert.equal(client("127.0.0.1", { "x-forwarded-host": "" }).host, "server.local");
});
