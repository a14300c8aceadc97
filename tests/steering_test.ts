/**
 * Another prompt while a video is made.
 */
import assert from "node:assert/strict";
import { createFramePackEngine } from "../src/engine/framepack_engine.ts";
import { folderOf } from "../src/session/folder.ts";
import { orderOf } from "../src/session/restart.ts";
import type { SessionView } from "../src/session/mod.ts";
import { example, exampleBlob } from "./emoji.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

function patch(server: TestServer, id: string, body: unknown, type = "application/json"): Promise<Response> {
  const init = { method: "PATCH", headers: { "content-type": type }, body: JSON.stringify(body) };
  return server.request(`/api/sessions/${id}`, init);
}

async function steer(server: TestServer, id: string, prompt: string): Promise<SessionView> {
  const response = await patch(server, id, { prompt });
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}

const sectionDone = (server: TestServer, id: string, section: number) =>
  server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === section);

/** The second of four sections is in work. */
async function midway(settings: Record<string, string>) {
  const engine = createGatedEngine();
  const server = await startServer({ engine });
  const { id } = await server.start({ prompt: "It jumps.", ...settings });
  engine.admit(1);
  await sectionDone(server, id, 1);
  return { engine, server, id, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

Deno.test("a running session finishes the section in work, and makes the others under the new prompt", async () => {
  await using at = await midway({ schedule: "forward" });
  const { engine, server, id } = at;
  const asked = await steer(server, id, "It spins.");
  assert.deepEqual([asked.state, asked.nextPrompt, asked.settings.promptChanges], ["running", "It spins.", []]);
  engine.admit(1);
  await engine.started(2);
  const going = await server.view(id);
  const { resume, settings } = engine.requests[1]!;
  assert.equal(resume!.section, 2);
  assert.deepEqual([settings.prompt, settings.promptChanges], ["It jumps.", [{
    atSeconds: 73 / 30,
    prompt: "It spins.",
  }]]);
  assert.deepEqual([going.state, going.nextPrompt, going.settings.promptChanges], [
    "running",
    undefined,
    settings.promptChanges,
  ]);
  engine.admit(2);
  const view = await server.ended(id);
  assert.deepEqual([view.state, view.video?.frames], ["completed", 145]);
  assert.deepEqual(view.settings.promptChanges, settings.promptChanges);
});

Deno.test("what is made from its end gets the new prompt at its beginning", async () => {
  await using at = await midway({ schedule: "inverted" });
  const { engine, server, id } = at;
  await steer(server, id, "It waits.");
  await steer(server, id, "It spins.");
  engine.admit(3);
  const { settings, state } = await server.ended(id);
  assert.equal(state, "completed");
  assert.equal(settings.prompt, "It spins.");
  assert.deepEqual(settings.promptChanges, [{ atSeconds: 76 / 30, prompt: "It jumps." }]);
});

Deno.test("a session that waits gets its new prompt at once", async () => {
  await using at = await midway({});
  const { engine, server } = at;
  const { id } = await server.start({ durationSeconds: "1", prompt: "It jumps." });
  const view = await steer(server, id, "It fades.");
  assert.deepEqual([view.state, view.settings.prompt, view.nextPrompt], ["queued", "It fades.", undefined]);
  engine.admit(4);
  assert.equal((await server.ended(id)).state, "completed");
  assert.equal(engine.requests.at(-1)!.settings.prompt, "It fades.");
});

Deno.test("a prompt that comes too late or cannot be used is refused, and nothing changes", async () => {
  await using at = await midway({});
  const { engine, server, id } = at;
  const refused = async (body: unknown, status: number, detail: RegExp, type?: string) => {
    const response = await patch(server, id, body, type);
    assert.equal(response.status, status);
    assert.match((await response.json()).detail, detail);
  };
  await refused({ prompt: "x".repeat(4001) }, 422, /^prompt must have at most 4000 characters/);
  await refused({ prompt: "x".repeat(70_000) }, 413, /a prompt may have 4000 characters$/);
  await refused({}, 422, /^prompt must be a string/);
  await refused({ prompt: "a", seed: 3 }, 422, /There is no setting seed/);
  await refused({ prompt: "a" }, 415, /Send application\/json/, "text/plain");
  engine.admit(2);
  await sectionDone(server, id, 3);
  await refused({ prompt: "It spins." }, 409, /The last section is in work already/);
  engine.admit(1);
  const { state, settings, nextPrompt } = await server.ended(id);
  assert.deepEqual([state, settings.prompt, settings.promptChanges, nextPrompt], [
    "completed",
    "It jumps.",
    [],
    undefined,
  ]);
  await refused({ prompt: "It spins." }, 409, /The session has ended/);
  assert.equal((await patch(server, "none", { prompt: "" })).status, 404);
});

Deno.test("a session that is stopped before its new prompt counts keeps what is made", async () => {
  await using at = await midway({ schedule: "forward" });
  const { server, id } = at;
  await steer(server, id, "It spins.");
  await server.request(`/api/sessions/${id}/stop`, { method: "POST" });
  const { state, nextPrompt, settings } = await server.view(id);
  assert.deepEqual([state, nextPrompt, settings.promptChanges], ["stopped", undefined, []]);
});

Deno.test("a server that died before a new prompt counted goes on with it", async () => {
  await using at = await midway({ schedule: "forward" });
  const { server, id } = at;
  await steer(server, id, "It spins.");
  const { settings } = orderOf(await server.view(id), folderOf(server.dataDir, id));
  assert.deepEqual(settings.promptChanges, [{ atSeconds: 37 / 30, prompt: "It spins." }]);
});

Deno.test("a steered video is, to the byte, the one that its recipe asks for", async () => {
  await using engine = createFramePackEngine({ device: { kind: "cpu" }, threads: 2 });
  await using server = await startServer({ engine });
  const start = async (settings: Record<string, string>): Promise<SessionView> => {
    const form = new FormData();
    form.append("image", await exampleBlob());
    const all = { ...{ prompt: example.prompt, durationSeconds: "4.8", steps: "2", schedule: "forward" }, ...settings };
    for (const [name, value] of Object.entries(all)) form.append(name, value);
    return await (await server.request("/api/sessions", { method: "POST", body: form })).json();
  };
  const fileOf = async (id: string) =>
    new Uint8Array(await (await server.request(`/api/sessions/${id}/video.mp4`)).arrayBuffer());

  const { id } = await start({});
  await sectionDone(server, id, 1);
  await steer(server, id, "The sailboat changes colours.");
  const { state, settings: { prompt, promptChanges } } = await server.ended(id);
  assert.deepEqual([state, promptChanges.length], ["completed", 1]);
  const same = await start({ prompt, promptChanges: JSON.stringify(promptChanges) });
  const plain = await start({});
  for (const session of [same, plain]) assert.equal((await server.ended(session.id)).state, "completed");
  const steered = await fileOf(id);
  assert.ok(steered.length > 1000);
  assert.deepEqual(await fileOf(same.id), steered);
  assert.notDeepEqual(await fileOf(plain.id), steered);
});
