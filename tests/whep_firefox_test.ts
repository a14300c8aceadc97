/** A real Firefox plays the live picture and opens the pages. */
import assert from "node:assert/strict";
import { type Firefox, type FirefoxPage, firefoxPath, launchFirefox } from "./firefox.ts";
import type { ShownPicture } from "./chromium.ts";
import { frameTold, type LiveServer, startLiveServer } from "./live_server.ts";

function firefoxTest(name: string, body: (live: LiveServer, firefox: Firefox) => Promise<void>): void {
  Deno.test({
    name: `${name} (Firefox)`,
    ignore: firefoxPath === undefined,
    async fn() {
      await using live = await startLiveServer();
      await using firefox = await launchFirefox();
      await body(live, firefox);
    },
  });
}

/** Of RTP time, from one picture to the next. */
const tick = 90_000 / 30;

const picturesOf = (page: FirefoxPage) => page.evaluate<ShownPicture[]>("pictures");

firefoxTest("a viewer sees the frames that the playout tells, vp8", async (live, firefox) => {
  const session = await live.sessionWith(2);
  const query = new URLSearchParams({ whep: `${session.links.whep}?view=arrival` });
  const page = await firefox.open(`${live.url}/test/whep_page.html?${query}`);
  await page.until("pictures.filter(({ code }) => code?.section === 2).length > 40");
  const pictures = await picturesOf(page);
  const codec = await page.evaluate("peer.remoteDescription.sdp.match(/rtpmap:[0-9]+ ([^/]+)/)[1]");
  assert.equal(codec, "VP8");
  const told = (rtpTimestamp: number) => frameTold(session.segments, "arrival", rtpTimestamp);
  const late = pictures.filter(({ rtpTimestamp, code }) => code?.frame !== told(rtpTimestamp));
  // Firefox calls back when the next picture may be up already, on a busy machine.
  for (const { rtpTimestamp, code } of late) assert.equal(code?.frame, told(rtpTimestamp + tick));
  assert.ok(late.length <= pictures.length / 10, `${late.length} of ${pictures.length}`);
});

firefoxTest("studio and watch page play a session and complain of nothing", async (live, firefox) => {
  const { links, id } = await live.sessionWith(2);
  for (const path of [`/?session=${id}`, links.watch]) {
    const page = await firefox.open(live.url + path);
    await page.until(`document.querySelector("video")?.srcObject && document.querySelector(".frame-of")?.textContent`);
    const first = await page.evaluate(`document.querySelector(".frame-of").textContent`);
    await page.until(`document.querySelector(".frame-of").textContent !== ${JSON.stringify(first)}`);
    assert.deepEqual(page.complaints, []);
  }
});
