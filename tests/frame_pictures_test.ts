/**
 * Single frames over HTTP: decoded, exact, estimated.
 */
import assert from "node:assert/strict";
import type { Engine, GenerationEvent } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import { decodeImage } from "../src/image.ts";
import { readBlockCode } from "./block_code.js";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer } from "./server_fixture.ts";

Deno.test("a frame is there as soon as it is decoded, and after a restart from the file", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start();
  engine.admit(1);
  await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  const frame = (n: number | string, query = "") => server.request(`/api/sessions/${id}/frames/${n}.jpg${query}`);
  assert.equal((await frame(0)).status, 404);
  const early = await frame(144);
  assert.equal(early.headers.get("content-type"), "image/jpeg");
  assert.equal(early.headers.get("cache-control"), "no-store");
  engine.admit(3);
  await server.ended(id);
  assert.match((await frame(0)).headers.get("cache-control")!, /immutable/);
  const small = new Uint8Array(await (await frame(0, "?width=32")).arrayBuffer());
  assert.ok(small.length > 0 && small.length < (await (await frame(0)).arrayBuffer()).byteLength);
  assert.equal((await frame(145)).status, 404);
  assert.equal((await frame("x")).status, 422);
  assert.equal((await frame(0, "?width=9999")).status, 422);

  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  const fromFile = await later.request(`/api/sessions/${id}/frames/144.jpg`);
  assert.equal(fromFile.status, 200);
  assert.ok((await fromFile.arrayBuffer()).byteLength > 0);
});

Deno.test("a frame as PNG has every pixel of the decoded frame", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id, plan } = await server.start({ durationSeconds: "3" });
  engine.admit(1);
  await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  const { start } = plan.sections[0]!;
  const png = (n: number) => server.request(`/api/sessions/${id}/frames/${n}.png`);
  const early = await png(start);
  assert.equal(early.headers.get("content-type"), "image/png");
  assert.equal(early.headers.get("cache-control"), "no-store");
  const { widthPx, heightPx, pixels } = await decodeImage(new Uint8Array(await early.arrayBuffer()));
  assert.deepEqual([widthPx, heightPx], [plan.widthPx, plan.heightPx]);
  const grey = new Set(Array.from(pixels.subarray(pixels.length / 2)));
  assert.deepEqual(grey, new Set([20, 235])); // the pattern's cells, as they were drawn
  assert.equal(readBlockCode({ width: widthPx, height: heightPx, data: pixels })?.frame, start);
  assert.equal((await png(0)).status, 404);
  engine.admit(1);
  await server.ended(id);
  assert.match((await png(start)).headers.get("cache-control")!, /immutable/);
});

/** An engine that waits after its first preview. */
function createPreviewEngine(): Engine & { goOn(): void } {
  const inner = createTestPatternEngine();
  const gate = Promise.withResolvers<void>();
  return {
    ...inner,
    goOn: gate.resolve,
    async *generate(request, signal) {
      for await (const event of inner.generate(request, signal)) {
        yield event;
        if (event.kind === "preview") await gate.promise;
      }
    },
  };
}

Deno.test("where no frame is decoded its JPEG is the newest preview; there is no PNG of that", async () => {
  const engine = createPreviewEngine();
  await using server = await startServer({ engine });
  const leave = new AbortController();
  const channel = server.sessions.channels.follow("latest", leave.signal);
  const { id, plan } = await server.start({ durationSeconds: "3", steps: "3" });
  const hidden = await server.start({ durationSeconds: "1", steps: "3", previews: "false" });
  for await (const { data } of channel) if (data.state === "live") break;
  const frame = (n: number, type: string) => server.request(`/api/sessions/${id}/frames/${n}.${type}`);
  const { start, end } = plan.sections[0]!;
  for (const n of [start, end - 1]) {
    const preview = await frame(n, "jpg?width=2048");
    assert.equal(preview.status, 200);
    assert.equal(preview.headers.get("cache-control"), "no-store");
    const { widthPx, heightPx, pixels } = await decodeImage(new Uint8Array(await preview.arrayBuffer()));
    assert.deepEqual([widthPx, heightPx], [plan.widthPx, plan.heightPx]);
    const code = readBlockCode({ width: widthPx, height: heightPx, data: pixels });
    assert.deepEqual([code?.state, code?.section, code?.step], ["preview", 1, 1]);
    assert.equal((await frame(n, "png")).status, 404);
  }
  assert.equal((await frame(plan.sections[1]!.start, "jpg")).status, 404);
  engine.goOn();
  await server.ended(id);
  assert.match((await frame(start, "jpg")).headers.get("cache-control")!, /immutable/);
  assert.equal((await server.ended(hidden.id)).settings.previews, false);
});

/** An engine that decodes a section beside the next one, and waits after the first preview of the second. */
function createOverlappedEngine(): Engine & { readonly waiting: Promise<void>; goOn(): void } {
  const inner = createTestPatternEngine();
  const [gate, waiting] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    ...inner,
    waiting: waiting.promise,
    goOn: gate.resolve,
    async *generate(request, signal) {
      const events = await Array.fromAsync(inner.generate(request, signal));
      const isHeldBack = (event: GenerationEvent) =>
        (event.kind === "frames" || event.kind === "sectionDone") && event.section === 1;
      const heldBack = events.filter(isHeldBack);
      for (const event of events.filter((event) => !isHeldBack(event))) {
        yield event;
        if (event.kind !== "preview" || event.clip.section !== 2 || event.clip.step !== 1) continue;
        waiting.resolve();
        await gate.promise;
        yield* heldBack;
      }
    },
  };
}

Deno.test("while a section is decoded beside the next one, each has its own preview", async () => {
  const engine = createOverlappedEngine();
  await using server = await startServer({ engine });
  const { id, plan } = await server.start({ durationSeconds: "3", steps: "3" });
  await engine.waiting;
  const codeOf = async (section: number) => {
    const { start } = plan.sections[section - 1]!;
    const response = await server.request(`/api/sessions/${id}/frames/${start}.jpg?width=2048`);
    const { widthPx, heightPx, pixels } = await decodeImage(new Uint8Array(await response.arrayBuffer()));
    const code = readBlockCode({ width: widthPx, height: heightPx, data: pixels });
    return [code?.state, code?.section, code?.step];
  };
  assert.deepEqual([await codeOf(1), await codeOf(2)], [["preview", 1, 2], ["preview", 2, 1]]);
  engine.goOn();
  assert.equal((await server.ended(id)).state, "completed");
});
