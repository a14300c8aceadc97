import assert from "node:assert/strict";
import { Hono } from "hono";
import { type ClientEnvironment, identify } from "./client.ts";
import { guard, isHostOfTheHouse } from "./guard.ts";

Deno.test("isHostOfTheHouse() knows addresses and local names, and no name a stranger could register", () => {
  for (
    const host of [
      "127.0.0.1:8000",
      "[::1]:8000",
      "192.168.1.20",
      "localhost:8000",
      "studio.localhost",
      "den.local",
      "den",
    ]
  ) assert.ok(isHostOfTheHouse(host, []), host);
  for (
    const host of ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "localhost.evil.example", "", "a b"]
  ) {
    assert.ok(!isHostOfTheHouse(host, []), host);
  }
  assert.ok(isHostOfTheHouse("Studio.Example:443", ["studio.example"]));
});

function app(allowedOrigins: string[]) {
  return new Hono<ClientEnvironment>().use(identify([])).use(guard({ allowedHosts: [], allowedOrigins })).all(
    "/x",
    (c) => c.text("in"),
  );
}
const call = (allowed: string[], method: string, headers: Record<string, string>) =>
  app(allowed).request("http://127.0.0.1:8000/x", { method, headers: { host: "127.0.0.1:8000", ...headers } });

Deno.test("guard() keeps a rebound name out, even from reading", async () => {
  const answer = await call([], "GET", { host: "rebound.example" });
  assert.equal(answer.status, 403);
  assert.match((await answer.json()).detail, /"rebound.example".*FRAMECAST_ALLOWED_HOSTS/);
});

Deno.test("guard() lets a change in from its own pages and from programs, not from other pages", async () => {
  const status = async (allowed: string[], headers: Record<string, string>) =>
    (await call(allowed, "POST", headers)).status;
  assert.equal(await status([], {}), 200);
  assert.equal(await status([], { origin: "http://127.0.0.1:8000" }), 200);
  for (const origin of ["http://evil.example", "null", "http://127.0.0.1:9000", "http://localhost:8000"]) {
    assert.equal(await status([], { origin }), 403, origin);
  }
  assert.equal(await status(["https://studio.example"], { origin: "https://studio.example" }), 200);
  assert.equal(await status(["*"], { origin: "http://evil.example" }), 200);
});

Deno.test("guard() gives the right to read an answer to configured origins only", async () => {
  const foreign = await call([], "GET", { origin: "http://evil.example" });
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
  const known = await call(["https://studio.example"], "GET", { origin: "https://studio.example" });
  assert.equal(known.headers.get("access-control-allow-origin"), "https://studio.example");
  assert.match(known.headers.get("access-control-expose-headers") ?? "", /Location/);
});

Deno.test("guard() answers the preflight of a configured page, whatever it wants to do", async () => {
  const preflight = (allowed: string[]) =>
    call(allowed, "OPTIONS", { origin: "https://studio.example", "access-control-request-method": "DELETE" });
  const known = await preflight(["https://studio.example"]);
  assert.equal(known.status, 204);
  assert.match(known.headers.get("access-control-allow-methods")!, /DELETE/);
  assert.match(known.headers.get("access-control-allow-headers")!, /Content-Type/);
  assert.equal((await preflight([])).headers.get("access-control-allow-origin"), null);
});

Deno.test("guard() keeps other pages from showing what is here, unless some are known", async () => {
  const policy = async (allowed: string[]) =>
    (await call(allowed, "GET", {})).headers.get("cross-origin-resource-policy");
  assert.equal(await policy([]), "same-origin");
  assert.equal(await policy(["https://studio.example"]), "cross-origin");
});
