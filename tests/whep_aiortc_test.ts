/** An independent WebRTC implementation, python3-aiortc, plays the live picture. */
import assert from "node:assert/strict";
import type { SessionEvent } from "../src/session/mod.ts";
import { assertExact, type LiveServer, startLiveServer } from "./live_server.ts";
import { canImport, watchWith } from "./whep_program.ts";

const ignore = !await canImport("import aiortc, numpy");

for (const codec of ["vp8", "h264"] as const) {
  Deno.test({
    name: `aiortc plays the live picture and gets every frame, ${codec}`,
    ignore,
    async fn() {
      await using live = await startLiveServer();
      const session = await live.sessionWith(2);
      const url = `${live.url}${session.links.whep}?view=arrival&codec=${codec}`;
      const watched = await watchWith("whep_aiortc_client.py", url, "120", codec);
      assert.deepEqual([watched.postStatus, watched.deleteStatus], [201, 200]);
      assert.equal(watched.pictures.length, 120);
      assertExact(watched.pictures, session.segments, ["arrival"]);
      assert.equal((await live.server.view(session.id)).viewers, 0);
    },
  });
}

Deno.test({
  name: "aiortc gets another view over the same connection, and the session's events beside the picture",
  ignore,
  async fn() {
    await using live = await startLiveServer();
    const session = await live.sessionWith(3);
    const url = `${live.url}${session.links.whep}?view=arrival`;
    const watched = await watchWith("whep_aiortc_client.py", url, "180", "vp8", "growing");
    assert.equal(watched.choiceStatus, 204);
    assert.equal(watched.pictures.length, 180);
    assertExact(watched.pictures, session.segments, ["arrival", "growing"]);

    const ofLog = watched.messages.filter(({ id }) => id !== undefined);
    const [first, last] = [ofLog[0]?.id, ofLog.at(-1)?.id];
    assert.ok(first && last, "the log was told");
    assert.deepEqual(ofLog, (await logOf(live, session.id, last)).slice(first - 1));
    const ofPicture = watched.messages.filter(({ id, event }) => id === undefined && event === "playout");
    assert.deepEqual(new Set(ofPicture.map(({ data }) => data.view)), new Set(["arrival", "growing"]));
  },
});

/** The first events of a session's log. */
async function logOf({ server }: LiveServer, id: string, count: number): Promise<SessionEvent[]> {
  const entries: SessionEvent[] = [];
  for await (const entry of server.sessions.events(id, 0, new AbortController().signal)) {
    if (entries.push(entry) === count) break;
  }
  return entries;
}
