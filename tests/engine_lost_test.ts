/**
 * An engine whose process or GPU is gone in the middle of a video.
 */
import assert from "node:assert/strict";
import { EngineLostError } from "../src/engine/mod.ts";
import { framesInFile } from "./frames_in_file.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

const sectionDone = (server: TestServer, id: string, section: number) =>
  server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === section);

const death = () => new EngineLostError("The engine process ended with signal SIGKILL");

/** A server whose engine has died in the third section of a video, and goes on with it, while another one waits. */
async function afterDeath() {
  const engine = createGatedEngine();
  const server = await startServer({ engine });
  const lost = await server.start();
  const next = await server.start({ durationSeconds: "1" });
  engine.admit(2);
  await sectionDone(server, lost.id, 2);
  engine.failWith(death());
  await engine.started(2);
  return { engine, server, lost, next, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

Deno.test("an engine that dies takes the section in work with it: its session goes on before those that wait", async () => {
  await using after = await afterDeath();
  const { engine, server, lost, next } = after;
  assert.equal(engine.requests[1]!.resume!.section, 2);
  assert.equal((await server.view(next.id)).state, "queued");
  engine.admit(2);
  const view = await server.ended(lost.id);
  assert.deepEqual([view.state, view.video?.frames, view.problem], ["completed", 145, undefined]);
  assert.equal(await framesInFile(view, server), 145);
  engine.admit(1);
  assert.equal((await server.ended(next.id)).state, "completed");
});

Deno.test("an engine that dies twice in one section fails its session with a clear reason; what is made is kept", async () => {
  await using after = await afterDeath();
  const { engine, server, lost, next } = after;
  engine.failWith(death());
  const view = await server.ended(lost.id);
  assert.equal(view.state, "failed");
  assert.match(view.problem!.type, /problem-engine-lost$/);
  assert.equal(
    view.problem!.detail,
    "The engine stopped in section 3; the next video starts a new one. The 2.3 s made so far are kept.",
  );
  assert.equal(view.video?.frames, 69);
  assert.equal(await framesInFile(view, server), 69);
  engine.admit(1);
  assert.equal((await server.ended(next.id)).state, "completed");
});

Deno.test("a session whose engine is gone can be stopped before it goes on, and keeps what is made", async () => {
  await using after = await afterDeath();
  const { server, lost } = after;
  await server.request(`/api/sessions/${lost.id}/stop`, { method: "POST" });
  const { state, video, problem } = await server.view(lost.id);
  assert.deepEqual([state, video?.frames, problem], ["stopped", 69, undefined]);
});
