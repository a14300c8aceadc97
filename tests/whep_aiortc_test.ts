/** An independent WebRTC implementation, python3-aiortc, plays the live picture. */
import assert from "node:assert/strict";
import { assertExact, startLiveServer } from "./live_server.ts";
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
