/** What a viewer gets over a line that loses packets, in a real Chromium. */
import assert from "node:assert/strict";
import { browserTest, picturesOf, until } from "./chromium.ts";
import { assertExact, startLiveServer } from "./live_server.ts";
import { openLossyLine } from "./lossy_line.ts";
import { randomOf } from "./seeded.ts";

browserTest("a viewer of a line that loses 5 % sees every picture, and none late enough to notice", async (browser) => {
  await using live = await startLiveServer();
  const session = await live.sessionWith(2, { resolution: "480x320" });
  await using line = openLossyLine({ server: live.url, lossShare: 0.05, random: randomOf(1) });
  const page = await browser.newPage();
  const query = new URLSearchParams({ whep: `${session.links.whep}?view=arrival` });
  await page.goto(`${line.url}/test/whep_page.html?${query}`);
  await until(page, "pictures.length > 200");
  const pictures = await picturesOf(page);
  assertExact(pictures, session.segments, ["arrival"]);
  assert.ok(line.lost > 5, `${line.lost} datagrams lost`);
  await until(page, "received().then(({ packetsLost }) => packetsLost === 0)"); // all are sent again, sooner or later
  const pauses = pictures.slice(1).map(({ atMs }, k) => atMs - pictures[k]!.atMs);
  assert.ok(Math.max(...pauses) < 500, `longest pause ${Math.max(...pauses)} ms`);
});

browserTest("whatever gets lost of a handshake, the viewer gets its picture", async (browser) => {
  await using live = await startLiveServer();
  const session = await live.sessionWith(2);
  const query = new URLSearchParams({ whep: `${session.links.whep}?view=arrival` });
  await using line = openLossyLine({ server: live.url, lossShare: 0.15, random: randomOf(2) });
  for (let join = 0; join < 6; join++) {
    const page = await browser.newPage();
    await page.goto(`${line.url}/test/whep_page.html?${query}`);
    await until(page, "pictures.length > 0");
    await page.close();
  }
  assert.ok(line.lost > 5, `${line.lost} datagrams lost`);
});
