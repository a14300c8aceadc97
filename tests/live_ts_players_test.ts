/** Players that people have play `live.ts`; what they decoded is read from their pictures. */
import assert from "node:assert/strict";
import { type LiveSession, startLiveServer } from "./live_server.ts";
import { type Code, ffmpegPlayer, gstreamerPlayer, mpvPlayer, type Player, vlcPlayer } from "./live_ts_players.ts";
import { installed, startProgram } from "./started_program.ts";

const ffprobe = installed("/usr/bin/ffprobe");
const ffplay = installed("/usr/bin/ffplay");

/** Players that hand on every picture once, and those that show some longer and leave some out, as it suits a screen. */
const exact: readonly Player[] = [ffmpegPlayer, gstreamerPlayer];
const others: readonly Player[] = [mpvPlayer, vlcPlayer];

for (const player of [...exact, ...others]) {
  Deno.test({
    name: `a player plays live.ts in order (${player.name})`,
    ignore: player.program === undefined,
    async fn() {
      await using live = await startLiveServer();
      const session = await live.sessionWith(2);
      const playing = player.play(`${live.url}${session.links.liveTs}?view=arrival`, session.plan);
      const codes = await take(30, playing);
      await playing.return(undefined);
      const steps = stepsOf(codes, session);
      if (exact.includes(player)) return assertWhole(steps);
      assert.ok(steps.every((step) => step <= 6) && steps.filter((step) => step > 0).length > 10, steps.join());
    },
  });
}

Deno.test({
  name: "live.ts is what players expect of H.264 in a transport stream (ffprobe)",
  ignore: ffprobe === undefined,
  async fn() {
    await using live = await startLiveServer();
    const { links, plan: { widthPx: width, heightPx: height } } = await live.sessionWith(2);
    const entries = "stream=codec_name,profile,width,height,pix_fmt,avg_frame_rate,color_space,color_range";
    const args = ["-v", "error", "-show_entries", entries, "-of", "json", live.url + links.liveTs];
    const { stdout, stderr } = await new Deno.Command(ffprobe!, { args }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    const { streams } = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual(streams, [{
      ...{ codec_name: "h264", profile: "Constrained Baseline", width, height, pix_fmt: "yuv420p" },
      ...{ color_range: "tv", color_space: "bt709", avg_frame_rate: "30/1" },
    }]);
  },
});

Deno.test({
  name: "a player with a window shows live.ts (ffplay)",
  ignore: ffplay === undefined,
  async fn() {
    await using live = await startLiveServer();
    const { links } = await live.sessionWith(2);
    const playing = await startProgram(ffplay!, {
      args: ["-v", "info", "-analyzeduration", "500000", "-vf", "showinfo", live.url + links.liveTs],
      env: { SDL_VIDEODRIVER: "dummy", SDL_AUDIODRIVER: "dummy" },
      says: ["stderr", /n: *60 pts/], // the sixtieth picture on its way to the screen
    });
    await playing.end("SIGKILL");
  },
});

Deno.test({
  name: "live.ts of a channel lives through a pause of the generator and a session of another size (ffmpeg)",
  ignore: ffmpegPlayer.program === undefined,
  async fn() {
    await using live = await startLiveServer();
    const onStage = { channel: "stage", schedule: "forward" };
    const { plan } = await live.sessionWith(1, onStage);
    const url = `${live.url}/api/channels/stage/live.ts?view=edge&end=hold`;
    const codes = ffmpegPlayer.play(url, plan);
    const lastOfFirst = plan.sections[0]!.end - 1;
    await until(codes, (code) => code?.frame === lastOfFirst);
    const held = await take(20, codes); // some seconds at the rate of a still picture
    assert.deepEqual(new Set(held.map((code) => code?.frame)), new Set([lastOfFirst]));
    live.engine.admit(plan.sections.length - 1);
    await until(codes, (code) => code?.frame === plan.frames - 1);
    const other = await live.sessionWith(plan.sections.length, { ...onStage, resolution: "192x128" });
    assert.notEqual(other.plan.widthPx, plan.widthPx);
    await until(codes, (code) => code?.frame === 0);
    await until(codes, (code) => code?.frame === other.plan.frames - 1);
    await codes.return(undefined);
  },
});

Deno.test({
  name: "a reader of live.ts that never reads costs another one no picture (ffmpeg)",
  ignore: ffmpegPlayer.program === undefined,
  async fn() {
    await using live = await startLiveServer();
    const session = await live.sessionWith(2);
    const address = `${session.links.liveTs}?view=arrival`;
    // Not over a socket: the system's buffers would read for it for a long time.
    const silent = await live.server.request(address);
    const playing = ffmpegPlayer.play(live.url + address, session.plan);
    const steps = stepsOf(await take(150, playing), session);
    assert.equal((await live.server.view(session.id)).viewers, 2);
    assertWhole(steps);
    await playing.return(undefined);
    await silent.body!.cancel();
  },
});

async function take(count: number, codes: AsyncGenerator<Code>): Promise<Code[]> {
  const taken: Code[] = [];
  while (taken.length < count) {
    const { value, done } = await codes.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** Reads on up to the first picture that fits. */
async function until(codes: AsyncGenerator<Code>, fits: (code: Code) => boolean): Promise<void> {
  for (let next = await codes.next(); !next.done; next = await codes.next()) if (fits(next.value)) return;
  assert.fail("The player ended before the picture came");
}

/** Every frame once. A server that is held up may leave some out; a reader that waited for another would miss seconds. */
function assertWhole(steps: readonly number[]): void {
  const missed = steps.reduce((sum, step) => sum + step - 1, 0);
  assert.ok(steps.every((step) => step >= 1) && missed <= steps.length / 10, steps.join());
}

/** How many frames each picture of a section in a loop is after the one before. */
function stepsOf(codes: readonly Code[], { plan }: LiveSession): number[] {
  const { start, end } = plan.sections[1]!;
  assert.ok(codes.length > 20, `${codes.length} pictures`);
  const frames = codes.map((code) => {
    assert.ok(code && code.frame >= start && code.frame < end, JSON.stringify(code));
    return code.frame;
  });
  return frames.slice(1).map((frame, k) => (frame - frames[k]! + end - start) % (end - start));
}
