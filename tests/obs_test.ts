/** OBS itself shows a channel: a Media Source on `live.ts`, from one session to the next, and on the file. */
import assert from "node:assert/strict";
import { type LiveServer, startLiveServer } from "./live_server.ts";
import { hasObs, type Obs, startObs } from "./obs.ts";
import { look, obsDelays, type Seen, youngestPicture } from "./obs_delay.ts";

function obsTest(name: string, body: (obs: Obs, live: LiveServer) => Promise<void>): void {
  Deno.test({
    name: `${name} (OBS)`,
    ignore: !hasObs,
    async fn() {
      await using live = await startLiveServer();
      await using obs = await startObs();
      await body(obs, live);
    },
  });
}

obsTest("a Media Source shows live.ts", async (obs, live) => {
  const session = await live.sessionWith(2);
  const startedMs = performance.now();
  await obs.addMediaSource("live", { ...youngestPicture, input: `${live.url}${session.links.liveTs}?view=arrival` });
  await until(obs, "live", (seen) => seen?.code?.section === 2);
  const firstMs = performance.now() - startedMs;
  const delays = await obsDelays({ obs, source: "live", session, view: "arrival", screenshots: 100, pauseMs: 30 });
  const [p50, p95] = [0.5, 0.95].map((share) => delays.toSorted((a, b) => a - b)[Math.floor(share * delays.length)]!);
  const text = `live.ts in OBS: first picture ${firstMs.toFixed()} ms, delay p50 ${p50!.toFixed()} p95 ${
    p95!.toFixed()
  } ms\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  assert.ok(p50! < 1000, "the picture is live");
});

obsTest("a Media Source on a channel goes from session to session and is never black", async (obs, live) => {
  const onStage = { channel: "stage", durationSeconds: "2" };
  const first = await live.sessionWith(1, onStage);
  await obs.addMediaSource("stage", {
    ...youngestPicture,
    input: `${live.url}/api/channels/stage/live.ts?view=arrival`,
  });
  const watch = watchingBrightness(obs, "stage");
  await watch((seen) => seen?.code?.section === 1);
  live.engine.admit(first.plan.sections.length - 1);
  await live.server.ended(first.id);
  await watch((seen) => seen !== undefined && seen.code === null); // shown once more from its start, then the slate
  const second = await live.sessionWith(1, { ...onStage, resolution: "192x128" });
  assert.notEqual(second.id, first.id);
  await watch((seen) => seen?.code?.section === 1);
});

obsTest("a Media Source plays the file", async (obs, live) => {
  const { links, plan } = await live.sessionWith(1, { durationSeconds: "1" });
  const input = live.url + links.video;
  await obs.addMediaSource("file", { is_local_file: false, input, looping: true });
  const frames = new Set<number>();
  await until(obs, "file", (seen) => {
    if (seen?.code) frames.add(seen.code.frame);
    return frames.size > 10;
  });
  assert.ok(Math.max(...frames) < plan.frames);
});

async function until(obs: Obs, source: string, fits: (seen: Seen | undefined) => boolean): Promise<void> {
  const endsMs = performance.now() + 20_000;
  while (!fits(await look(obs, source))) assert.ok(performance.now() < endsMs, `waited in vain for ${fits}`);
}

/** The same, and from the first picture on there is always one, and it is not black. */
function watchingBrightness(obs: Obs, source: string): (fits: (seen: Seen | undefined) => boolean) => Promise<void> {
  let pictures = 0;
  return (fits) =>
    until(obs, source, (seen) => {
      if (seen) pictures++;
      assert.ok(pictures === 0 || (seen && seen.brightest > 40), `picture ${pictures} is black or missing`);
      return fits(seen);
    });
}
