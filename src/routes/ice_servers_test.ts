import assert from "node:assert/strict";
import { iceServerLinks } from "./ice_servers.ts";

Deno.test("iceServerLinks() writes them as RFC 9725, section 4.6 does", () => {
  const links = iceServerLinks([
    { url: "stun:stun.example.net" },
    { url: "turn:turn.example.net?transport=udp", username: "user", credential: "myPassword" },
    { url: "turns:turn.example.net?transport=tcp", username: 'a"b', credential: "c\\d, e" },
  ]);
  assert.equal(
    links,
    '<stun:stun.example.net>; rel="ice-server", ' +
      '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="myPassword"; ' +
      'credential-type="password", ' +
      '<turns:turn.example.net?transport=tcp>; rel="ice-server"; username="a\\"b"; credential="c\\\\d, e"; ' +
      'credential-type="password"',
  );
});
