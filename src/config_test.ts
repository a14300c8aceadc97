import assert from "node:assert/strict";
import { ConfigError, environmentVariables, readConfig, readHubConfig } from "./config.ts";

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

Deno.test("readConfig() reads which devices the networks run on", () => {
  const devices = (text: string) => readConfig({ FRAMECAST_DEVICE: text }).devices;
  assert.deepEqual(["auto", "cpu", "cuda", "cuda:1"].map(devices), [
    [{ kind: "auto" }],
    [{ kind: "cpu" }],
    [{ kind: "cuda", index: 0 }],
    [{ kind: "cuda", index: 1 }],
  ]);
  assert.deepEqual(devices("cuda:3, cuda"), [{ kind: "cuda", index: 3 }, { kind: "cuda", index: 0 }]);
  for (
    const wrong of ["", ",", "gpu", "cuda:", "cuda:x", "cpu:0", "CUDA", "cuda:0,", "cuda:0,cpu", "auto,cuda", "cpu,cpu"]
  ) {
    assert.throws(() => devices(wrong), {
      message: `FRAMECAST_DEVICE="${wrong}" must be auto, cpu, cuda or cuda:1, or several GPUs such as cuda:0,cuda:1`,
    });
  }
  for (const twice of ["cuda:1,cuda:1", "cuda,cuda:0", "cuda:2,cuda:1,cuda:02"]) {
    assert.throws(() => devices(twice), { message: `FRAMECAST_DEVICE="${twice}" must name each GPU once` });
  }
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

Deno.test("readConfig() reads sizes of memory", () => {
  const limit = (text: string) => readConfig({ FRAMECAST_VRAM_LIMIT: text }).vram.limitBytes;
  assert.deepEqual(["6GiB", "5.5 GB", "512MiB", ""].map(limit), [6 * 2 ** 30, 5.5e9, 512 * 2 ** 20, undefined]);
  for (const text of ["6", "6G", "-1GB", "GiB", "1e3MB", "6gib"]) {
    assert.throws(() => limit(text), {
      message: `FRAMECAST_VRAM_LIMIT="${text}" must be a size such as 6GiB, 5.5GB or 512MiB`,
    });
  }
  assert.throws(() => readConfig({ FRAMECAST_VRAM_RESERVE: "" }), /FRAMECAST_VRAM_RESERVE="" must be a size/);
  assert.throws(() => readConfig({ FRAMECAST_STREAMED_BLOCKS: "all" }), {
    message: 'FRAMECAST_STREAMED_BLOCKS="all" must be a whole number',
  });
  assert.equal(readConfig({ FRAMECAST_STREAMED_BLOCKS: "0" }).vram.streamedBlocks, 0);
});

Deno.test("readConfig() reads STUN and TURN servers", () => {
  const servers = (text: string) => readConfig({ FRAMECAST_ICE_SERVERS: text }).iceServers;
  assert.deepEqual(
    servers("stun:stun.example, turns:me:p%2Cw@[2001:db8::1]:443?transport=tcp,TURN:u:p@t.example:3478"),
    [
      { url: "stun:stun.example" },
      { url: "turns:[2001:db8::1]:443?transport=tcp", username: "me", credential: "p,w" },
      { url: "turn:t.example:3478", username: "u", credential: "p" },
    ],
  );
  const bad = [
    "stun.example:3478",
    "stun:",
    "stun:a.example:0",
    "stun:a.example:99999",
    "stun:u:p@a.example",
    "stun:a.example?transport=tcp",
    "turn:a.example",
    "turn:u@a.example",
    "turn:u:p@a.example?transport=sctp",
    "turn:u:p%0Aq@a.example",
    "turn:u:p\u00e9@a.example",
    "http://a.example",
  ];
  for (const text of bad) {
    assert.throws(() => servers(text), {
      name: "ConfigError",
      message: `FRAMECAST_ICE_SERVERS="${text}" must be servers such as stun:stun.example:3478 or ` +
        "turn:user:password@turn.example:3478?transport=tcp, separated by commas",
    }, text);
  }
});

Deno.test("readConfig() takes a base path that can stand in front of every address", () => {
  assert.equal(readConfig({}).basePath, "");
  for (const path of ["/framecast", "/a/b.c/~d_e-f"]) {
    assert.equal(readConfig({ FRAMECAST_BASE_PATH: path }).basePath, path);
  }
  for (
    const path of ["/", "framecast", "/framecast/", "/a//b", "/..", "/a/./b", "/a b", "/a?b", "/a%2f", '/"', "/:id"]
  ) {
    assert.throws(
      () => readConfig({ FRAMECAST_BASE_PATH: path }),
      /^ConfigError: FRAMECAST_BASE_PATH=".*" must be/,
      path,
    );
  }
});

Deno.test("readConfig() takes addresses and networks of proxies, and limits", () => {
  const config = readConfig({ FRAMECAST_TRUSTED_PROXIES: "127.0.0.1, fd00::/8", FRAMECAST_VIEWERS: "7" });
  assert.deepEqual(config.trustedProxies, ["127.0.0.1", "fd00::/8"]);
  assert.deepEqual(config.limits, { viewers: 7, viewersPerAddress: 50 });
  for (const text of ["proxy.example", "10.0.0.0/33", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/"]) {
    assert.throws(
      () => readConfig({ FRAMECAST_TRUSTED_PROXIES: text }),
      /FRAMECAST_TRUSTED_PROXIES=".*" must be/,
      text,
    );
  }
  assert.throws(() => readConfig({ FRAMECAST_VIEWERS: "0" }), /FRAMECAST_VIEWERS="0" must be a whole number from 1/);
});

Deno.test("readConfig() tells of names that are no settings", () => {
  assert.deepEqual(readConfig({ FRAMECAST_PROT: "1", PATH: "/bin" }).unknownVariables, ["FRAMECAST_PROT"]);
});

Deno.test("readHubConfig() has the ecosystem's defaults and its order of variables", () => {
  const hub = (environment: Record<string, string>) => readHubConfig({ HOME: "/home/me", ...environment });
  assert.deepEqual(hub({}), {
    cacheDir: "/home/me/.cache/huggingface/hub",
    endpoint: "https://huggingface.co",
    token: undefined,
    tokenFile: "/home/me/.cache/huggingface/token",
    network: "online",
  });
  assert.equal(hub({ XDG_CACHE_HOME: "/x" }).cacheDir, "/x/huggingface/hub");
  assert.equal(hub({ HF_HOME: "~/hf", XDG_CACHE_HOME: "/x" }).cacheDir, "/home/me/hf/hub");
  assert.equal(hub({ HF_HOME: "/hf" }).tokenFile, "/hf/token");
  assert.equal(hub({ HF_HOME: "/hf", HF_HUB_CACHE: "$DISK/${USER}s", DISK: "/d", USER: "me" }).cacheDir, "/d/mes");
  assert.equal(hub({ HUGGINGFACE_HUB_CACHE: "/old" }).cacheDir, "/old");
  assert.equal(hub({ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }).cacheDir, "/new");
  assert.equal(hub({ HF_TOKEN_PATH: "/t" }).tokenFile, "/t");
  assert.equal(hub({ HF_ENDPOINT: "https://mirror.example/hub/" }).endpoint, "https://mirror.example/hub");
  assert.equal(hub({ HF_TOKEN: " hf_a\n", HUGGING_FACE_HUB_TOKEN: "hf_b" }).token, "hf_a");
  for (const on of ["1", "ON", "yes", "True"]) assert.equal(hub({ HF_HUB_OFFLINE: on }).network, "offline");
  for (const off of ["0", "", "off"]) assert.equal(hub({ HF_HUB_OFFLINE: off }).network, "online");
  const mute = hub({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1", HF_TOKEN: "hf_a" });
  assert.deepEqual([mute.token, mute.tokenFile], [undefined, undefined]);
});

Deno.test("readHubConfig() refuses what is no address or no token, and does not tell the token", () => {
  for (const endpoint of ["huggingface.co", "ftp://a.example", "https://"]) {
    assert.throws(() => readHubConfig({ HF_ENDPOINT: endpoint }), {
      name: "ConfigError",
      message: `HF_ENDPOINT="${endpoint}" must be an address such as https://huggingface.co`,
    });
  }
  assert.throws(() => readHubConfig({ HF_TOKEN: "hf_a b" }), {
    message: "HF_TOKEN must be printable ASCII without spaces",
  });
});
