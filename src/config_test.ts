import assert from "node:assert/strict";
import { ConfigError, environmentVariables, readConfig } from "./config.ts";

function parseEnvFile(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

Deno.test(".env.example names every setting and equals the defaults", async () => {
  const example = parseEnvFile(await Deno.readTextFile(new URL("../.env.example", import.meta.url)));
  assert.deepEqual(Object.keys(example).sort(), Object.keys(environmentVariables.shape).sort());
  assert.deepEqual(readConfig(example), readConfig({}));
});

Deno.test("readConfig() names every bad variable with its value", () => {
  assert.throws(() => readConfig({ FRAMECAST_PORT: "70000", FRAMECAST_ENGINE: "magic", FRAMECAST_UDP_PORTS: "9-1" }), {
    name: "ConfigError",
    message: 'FRAMECAST_PORT="70000" must be a whole number from 0 to 65535\n' +
      'FRAMECAST_ENGINE="magic" must be one of framepack, test-pattern\n' +
      'FRAMECAST_UDP_PORTS="9-1" must be two ports such as 50000-50100, the lower first',
  });
  for (const port of ["", "8e3", "-1", " 80", "NaN"]) {
    assert.throws(() => readConfig({ FRAMECAST_PORT: port }), ConfigError);
  }
  assert.throws(() => readConfig({ FRAMECAST_MODEL: "../secrets" }), /FRAMECAST_MODEL="..\/secrets"/);
  assert.throws(() => readConfig({ FRAMECAST_ALLOWED_ORIGINS: "https://a.example/path" }), ConfigError);
});

Deno.test("readConfig() reads lists, ranges and paths", () => {
  const config = readConfig({
    FRAMECAST_ICE_ADDRESSES: "127.0.0.1, 203.0.113.7",
    FRAMECAST_UDP_PORTS: "50000-50100",
    FRAMECAST_FFMPEG: "/opt/ffmpeg",
    FRAMECAST_ALLOWED_ORIGINS: "https://studio.example",
  });
  assert.deepEqual(config.iceAddresses, ["127.0.0.1", "203.0.113.7"]);
  assert.deepEqual(config.udpPorts, [50000, 50100]);
  assert.equal(config.ffmpegPath, "/opt/ffmpeg");
  assert.equal(config.ortLibraryPath, undefined);
  assert.ok(Object.isFrozen(config));
});

Deno.test("readConfig() tells of names that are no settings", () => {
  assert.deepEqual(readConfig({ FRAMECAST_PROT: "1", PATH: "/bin" }).unknownVariables, ["FRAMECAST_PROT"]);
});
