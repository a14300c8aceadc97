import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Fault, HubDouble, mainCommit } from "../../tests/hub_double.ts";
import { RepoCache } from "./cache.ts";
import { download, type DownloadEvent, type Line } from "./download.ts";
import { createHub, type HubFile } from "./hub.ts";

const never = new AbortController().signal;
const bytes = Uint8Array.from({ length: 100_000 }, (_, n) => (n * 7919) >> 3);
const repo = "someone/model";
const path = "weights/big.safetensors";
const name = `${repo}/${path}`;

interface Site extends AsyncDisposable {
  readonly double: HubDouble;
  readonly cache: RepoCache;
  readonly file: HubFile;
  readonly waits: number[];
  readonly incomplete: string;
  fetch(signal?: AbortSignal): Promise<DownloadEvent[]>;
  /** Of the bytes that were asked for, one after another. */
  ranges(): (string | null)[];
}

/** One file on a hub, an empty cache, and a line whose pauses take no time. */
async function site(faults: Fault[], token?: string): Promise<Site> {
  const cacheDir = await Deno.makeTempDir({ prefix: "framecast-hub-" });
  const double = new HubDouble({ [repo]: { files: { [path]: bytes }, ...(token ? { token } : {}) } });
  double.faults.set(name, faults);
  const waits: number[] = [];
  const hub = createHub({ endpoint: double.endpoint, answerMs: 5000, token }, never);
  const line: Line = {
    hub,
    stallMs: 200,
    patience: { retries: 2, pause: (ms) => Promise.resolve(void waits.push(ms)) },
  };
  const [file] = await hub.filesIn(repo, await hub.commitOf(repo, "main"), "weights");
  const cache = new RepoCache(cacheDir, repo);
  return {
    double,
    cache,
    file: file!,
    waits,
    incomplete: `${cache.blobPath(file!)}.incomplete`,
    fetch: (signal = never) => Array.fromAsync(download(file!, cache, line, signal)),
    ranges: () => double.seen.filter(({ host }) => host === "storage").map(({ range }) => range),
    async [Symbol.asyncDispose]() {
      await double[Symbol.asyncDispose]();
      await rm(cacheDir, { recursive: true });
    },
  };
}

async function assertWhole({ cache, file }: Site): Promise<void> {
  assert.deepEqual(await readdir(join(cache.folder, "blobs")), [file.digest.hex]);
  assert.deepEqual(new Uint8Array(await readFile(cache.blobPath(file))), bytes);
}

Deno.test("download() goes on after cuts from the byte where each happened", async () => {
  await using here = await site([{ kind: "cut", afterBytes: 30_000 }, { kind: "cut", afterBytes: 20_000 }]);
  const events = await here.fetch();
  assert.deepEqual(here.ranges(), [null, "bytes=30000-", "bytes=50000-"]);
  assert.deepEqual(here.waits, [1000, 1000], "with progress between, the pause stays short");
  const retry = events.find((event) => event.kind === "retrying");
  assert.match(retry!.why, /^"someone\/model\/weights\/big\.safetensors" ended at 30000 of 100000 bytes$/);
  assert.deepEqual(events.at(-1), { kind: "received", presentBytes: 100_000 });
  await assertWhole(here);
});

Deno.test("download() leaves a line that stands still, and goes on over a new one", async () => {
  await using here = await site([{ kind: "stall", afterBytes: 30_000 }]);
  const events = await here.fetch();
  const retry = events.find((event) => event.kind === "retrying");
  assert.match(retry!.why, /has not moved for 0\.2 s$/);
  assert.deepEqual(here.ranges(), [null, "bytes=30000-"]);
  await assertWhole(here);
});

Deno.test("download() gives up after failures in a row without a byte, and keeps what came", async () => {
  await using here = await site([
    { kind: "cut", afterBytes: 30_000 },
    ...[1, 2, 3].map((): Fault => ({ kind: "cut", afterBytes: 0 })),
  ]);
  await assert.rejects(here.fetch(), { name: "HubError", reason: "cut" });
  assert.deepEqual(here.waits, [1000, 2000]);
  assert.deepEqual(new Uint8Array(await readFile(here.incomplete)), bytes.subarray(0, 30_000));
});

Deno.test("download() takes up what an earlier run left", async () => {
  await using here = await site([{ kind: "cut", afterBytes: 60_000 }]);
  const stop = new AbortController();
  const events = download(here.file, here.cache, {
    hub: createHub({ endpoint: here.double.endpoint, answerMs: 5000 }, stop.signal),
    stallMs: 5000,
    patience: {
      retries: 9,
      pause: (_, signal) => {
        stop.abort(new Error("Ctrl-C"));
        return Promise.reject(signal.reason);
      },
    },
  }, stop.signal);
  await assert.rejects(Array.fromAsync(events), /^Error: Ctrl-C$/);
  assert.equal((await readFile(here.incomplete)).length, 60_000);
  await here.fetch();
  assert.deepEqual(here.ranges(), [null, "bytes=60000-"]);
  await assertWhole(here);
});

Deno.test("download() starts over once when what an earlier run left turns out damaged", async () => {
  await using here = await site([
    { kind: "cut", afterBytes: 60_000 },
    ...Array(3).fill({ kind: "cut", afterBytes: 0 }),
  ]);
  await assert.rejects(here.fetch(), { reason: "cut" });
  await writeFile(here.incomplete, new Uint8Array(60_000));
  await here.fetch();
  assert.deepEqual(here.ranges().slice(-2), ["bytes=60000-", null]);
  await assertWhole(here);
});

Deno.test("download() throws wrong bytes away and says which hash they have", async () => {
  await using here = await site([{ kind: "flip" }]);
  await assert.rejects(here.fetch(), {
    name: "HubError",
    reason: "wrong",
    message: new RegExp(
      `^The hub sent other bytes for "${name}" than it promised: their sha256 hash is [0-9a-f]{64}, not ${here.file.digest.hex}$`,
    ),
  });
  assert.deepEqual(await readdir(join(here.cache.folder, "blobs")), []);
});

Deno.test("download() starts over where a server knows no ranges", async () => {
  await using here = await site([{ kind: "cut", afterBytes: 30_000 }, { kind: "no-ranges" }]);
  await here.fetch();
  await assertWhole(here);
});

Deno.test("download() waits as long as a busy hub asks it to", async () => {
  await using here = await site([{ kind: "status", status: 429, headers: { "retry-after": "7" } }, {
    kind: "status",
    status: 503,
  }]);
  const events = await here.fetch();
  assert.deepEqual(here.waits, [7000, 2000]);
  assert.match(events.find((event) => event.kind === "retrying")!.why, /is busy or broken \(429\)$/);
  await assertWhole(here);
});

Deno.test("download() shows the token to the hub and to nobody else", async () => {
  await using here = await site([], "hf_secret");
  await here.fetch();
  const shown = (host: string) =>
    new Set(here.double.seen.filter((request) => request.host === host).map(({ authorization }) => authorization));
  assert.deepEqual(shown("hub"), new Set(["Bearer hf_secret"]));
  assert.deepEqual(shown("storage"), new Set([null]));
});

Deno.test("download() waits while another program holds the file's lock, and then finds the file", async () => {
  await using here = await site([]);
  await here.fetch();
  const blob = here.cache.blobPath(here.file);
  await rm(blob);
  const lock = here.cache.lock(here.file, never);
  const { value: held } = await lock.next();
  const events: DownloadEvent[] = [];
  const hub = createHub({ endpoint: here.double.endpoint, answerMs: 5000 }, never);
  const line = { hub, stallMs: 5000, patience: { retries: 0, pause: () => Promise.resolve() } };
  for await (const event of download(here.file, here.cache, line, never)) {
    events.push(event);
    if (event.kind !== "waiting") continue;
    await writeFile(blob, bytes);
    (held as Disposable)[Symbol.dispose]();
  }
  assert.deepEqual(events, [{ kind: "waiting" }, { kind: "received", presentBytes: 100_000 }]);
  assert.equal(here.ranges().length, 1, "nothing is fetched twice");
});

Deno.test("RepoCache lays files out as Hugging Face's programs do", async () => {
  await using here = await site([]);
  await here.fetch();
  const { cache, file } = here;
  const link = await cache.link(file);
  await cache.setCommit("main", file.commit);
  assert.equal(link, join(cache.folder, "snapshots", mainCommit, "weights", "big.safetensors"));
  assert.equal(await Deno.readLink(link), `../../../blobs/${file.digest.hex}`);
  assert.equal(await readFile(join(cache.folder, "refs", "main"), "utf8"), mainCommit);
  assert.match(cache.folder, /\/models--someone--model$/);
  assert.deepEqual(await cache.namesIn(mainCommit, "weights"), ["big.safetensors"]);
  await rm(cache.blobPath(file));
  assert.deepEqual(await cache.namesIn(mainCommit, "weights"), [], "a link to nothing is no file");
});
