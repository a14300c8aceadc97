/**
 * Channels: addresses that go from session to session.
 */
import assert from "node:assert/strict";
import { onAir } from "../src/session/channels.ts";
import type { ChannelEvent, ChannelView, SessionView } from "../src/session/mod.ts";
import type { PlayoutSegment } from "../src/stream/mod.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";
import { joinWhep, type WhepReceiver } from "./whep_receiver.ts";

async function channel(server: TestServer, name: string): Promise<ChannelView> {
  const response = await server.request(`/api/channels/${name}`);
  assert.equal(response.status, 200);
  return await response.json();
}

function join(server: TestServer, address: string): Promise<WhepReceiver> {
  const headers = { "content-type": "application/sdp" };
  return joinWhep((body) => server.request(address, { method: "POST", headers, body }));
}

/** Which videos are on, as the live picture of a channel tells it; null for the slate. */
async function playoutOf(server: TestServer, name: string): Promise<AsyncIterator<PlayoutSegment>> {
  return await server.sessions.channels.watch(name, "once", ({ live }) => Promise.resolve(live.playout()));
}

/** Reads on until a video is on. */
async function comesOn(playout: AsyncIterator<PlayoutSegment>, video: string | null): Promise<PlayoutSegment> {
  for (;;) {
    const { value, done } = await playout.next();
    assert.ok(!done, `The playout ended before ${video} was on`);
    if (value.video === video) return value;
  }
}

Deno.test("every name that can be one is a channel, `latest` is that of all sessions", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  for (const name of ["a", "stage-1_B", "0", "x".repeat(64)]) {
    const address = `/api/channels/${name}`;
    assert.deepEqual(await channel(server, name), {
      name,
      state: "waiting",
      session: null,
      viewers: 0,
      links: {
        self: address,
        events: `${address}/events`,
        whep: `${address}/whep`,
        liveTs: `${address}/live.ts`,
        embed: `/embed/channel/${name}`,
      },
    });
  }
  assert.equal((await channel(server, "latest")).links.embed, "/embed/latest");
  assert.deepEqual((await (await server.request("/api/channels")).json()).map(({ name }: ChannelView) => name), [
    "latest",
  ]);
});

const badNames = ["..%2f", "..%2f..%2fetc", "%2e%2e", "-a", "_a", "a.b", "a%20b", "%00", "caf%C3%A9", "%F0%9F%90%88"];

Deno.test("a name that cannot be one is refused, wherever it stands", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  for (const name of [...badNames, "x".repeat(65)]) {
    for (const rest of ["", "/events", "/whep/v"]) {
      const response = await server.request(`/api/channels/${name}${rest}`, {
        method: rest === "/whep/v" ? "DELETE" : "GET",
      });
      // The URL parser takes "%2e%2e" for "..", so that address is another one.
      assert.equal(response.status, name === "%2e%2e" ? (rest === "" ? 404 : response.status) : 422, name + rest);
      await response.body?.cancel();
    }
  }
  for (const name of ["", "latest", "../x", "x".repeat(65), "é"]) {
    const response = await server.request("/api/sessions", {
      method: "POST",
      body: await sessionForm({ channel: name }),
    });
    if (name === "") { // as every other empty field: left out
      assert.equal((await response.json()).channel, null);
      continue;
    }
    assert.equal(response.status, 422, name);
    const { field, detail } = await response.json();
    assert.equal(field, "channel");
    assert.match(detail, /^channel must /);
  }
});

Deno.test("a channel is live from the first picture of its session on, between after its end, and tells so", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const leave = new AbortController();
  const events = server.sessions.channels.follow("stage", leave.signal);
  const next = async (): Promise<ChannelEvent["data"]> => (await events.next()).value!.data;
  assert.equal((await next()).state, "waiting");
  const other = await server.start({ durationSeconds: "1", channel: "other" });
  engine.admit(1);
  await server.ended(other.id);
  const first = await server.start({ durationSeconds: "3", channel: "stage" });
  assert.equal(first.channel, "stage");
  engine.admit(1);
  const live = await next();
  assert.deepEqual([live.state, live.session?.id], ["live", first.id]);
  assert.deepEqual((await channel(server, "stage")).session, live.session);
  engine.admit(1);
  const between = await next();
  assert.deepEqual([between.state, between.session?.id, between.session?.state], ["between", first.id, "completed"]);
  await server.request(`/api/sessions/${first.id}`, { method: "DELETE" });
  const gone = await next();
  assert.deepEqual([gone.state, gone.session], ["waiting", null]);
  assert.equal((await channel(server, "other")).session?.id, other.id);
  assert.equal((await channel(server, "latest")).session?.id, other.id);
  leave.abort();
  assert.equal((await events.next()).done, true);
  const names = (await (await server.request("/api/channels")).json()).map(({ name }: ChannelView) => name);
  assert.deepEqual(names, ["latest", "other"]);
});

Deno.test("one connection to a channel goes through three sessions of different sizes", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  await using viewer = await join(server, "/api/channels/stage/whep");
  await viewer.pictures(2); // the slate
  const playout = await playoutOf(server, "stage");
  const shown: SessionView[] = [];
  for (const resolution of ["96x96", "128x64", "64x160"]) {
    const session = await server.start({ durationSeconds: "1", channel: "stage", resolution });
    engine.admit(1);
    await comesOn(playout, session.id);
    await viewer.pictures(2);
    shown.push(await server.ended(session.id));
    await viewer.pictures(2);
  }
  assert.deepEqual(shown.map(({ plan }) => [plan.widthPx, plan.heightPx]), [[96, 96], [128, 64], [64, 160]]);
  await comesOn(playout, null); // the last one has been shown once
  assert.equal(viewer.connectionState, "connected");
  assert.equal((await channel(server, "stage")).viewers, 1);
  assert.equal((await (await server.request("/api/health")).json()).viewers, 1);
});

Deno.test("a channel goes on when the session it shows is deleted, to the one before", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const before = await server.start({ durationSeconds: "1", channel: "stage" });
  engine.admit(1);
  await server.ended(before.id);
  const session = await server.start({ channel: "stage" });
  await using viewer = await join(server, "/api/channels/stage/whep");
  const playout = await playoutOf(server, "stage");
  engine.admit(1);
  await comesOn(playout, session.id);
  assert.equal((await server.request(session.links.self, { method: "DELETE" })).status, 204);
  await comesOn(playout, before.id);
  await viewer.pictures(2);
  assert.equal((await server.request(before.links.self, { method: "DELETE" })).status, 204);
  await comesOn(playout, null);
  await viewer.pictures(2);
  assert.equal(viewer.connectionState, "connected");
});

Deno.test("a channel finds its sessions again after a restart, and shows the last from its file", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start({ durationSeconds: "1", channel: "stage" });
  const { id: otherId } = await server.start({ durationSeconds: "1" });
  engine.admit(2);
  await server.ended(id);
  await server.ended(otherId);
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  const found = await channel(later, "stage");
  assert.deepEqual([found.state, found.session?.id], ["between", id]);
  assert.equal((await channel(later, "latest")).session?.id, otherId);
  await later.sessions.channels.watch("stage", "once", async ({ live }) => {
    const playout = live.playout();
    await using viewer = await join(later, "/api/channels/stage/whep");
    await comesOn(playout, id);
    await viewer.pictures(2);
  });
});

Deno.test("of two sessions that are made at a time, a channel shows the first to its end and then the second", async () => {
  const engines = [createGatedEngine(), createGatedEngine()] as const;
  await using server = await startServer({ engines });
  const start = async (settings: Record<string, string>) => {
    const { id } = await server.start({ ...settings, channel: "stage" });
    await server.event(id, ({ event, data }) => event === "state" && data.state === "running");
    return id;
  };
  const first = await start({ durationSeconds: "3", seed: "1" });
  const second = await start({ durationSeconds: "3", seed: "2" });
  const engineOf = (seed: number) =>
    engines.find(({ requests }) => requests.some(({ settings }) => settings.seed === seed))!;
  await using viewer = await join(server, "/api/channels/stage/whep");
  const playout = await playoutOf(server, "stage");
  const showing = async () =>
    (await Promise.all(["stage", "latest"].map((name) => channel(server, name))))
      .map(({ state, session }) => [state, session?.id]);

  engineOf(2).admit(1);
  await server.event(second, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  assert.equal((await channel(server, "stage")).state, "waiting", "the second has a picture before its turn");
  engineOf(1).admit(1);
  await comesOn(playout, first);
  await server.event(first, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  assert.deepEqual(await showing(), [["live", first], ["live", first]]);
  assert.equal(server.sessions.latest()?.id, first);

  engineOf(1).admit(1);
  await server.ended(first);
  assert.deepEqual(await showing(), [["live", second], ["live", second]]);
  const seen: PlayoutSegment[] = [];
  while (seen.at(-1)?.video !== second) seen.push((await playout.next()).value);
  const { video, start: from, end } = seen.at(-2)!;
  assert.deepEqual([video, from, end], [first, 0, 73], "as a whole, before the second comes on");
  engineOf(2).admit(1);
  assert.equal((await server.ended(second)).state, "completed");
  assert.deepEqual((await channel(server, "stage")).session?.id, second);
  await viewer.pictures(2);
  assert.equal(viewer.connectionState, "connected");
});

Deno.test("onAir() is the session begun first of those whose frames are being made, else the newest that is recorded", () => {
  const session = (id: string, phase: string) => ({ id, progress: { phase } }) as unknown as SessionView;
  const shown = (...running: SessionView[]) => onAir(running)?.id;
  assert.equal(shown(), undefined);
  assert.equal(shown(session("a", "sampling"), session("b", "sampling")), "a");
  assert.equal(shown(session("a", "recording"), session("b", "loading"), session("c", "sampling")), "b");
  assert.equal(shown(session("a", "recording"), session("b", "recording")), "b");
});
