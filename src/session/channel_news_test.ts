import assert from "node:assert/strict";
import { FrameBus } from "../stream/mod.ts";
import { channelNews } from "./channel_news.ts";
import { EventLog, type NewSessionEvent } from "./event_log.ts";
import type { ChannelEvent } from "./view.ts";

const state = (id: string) => ({ event: "state", data: { id } }) as unknown as NewSessionEvent;
const step = (section: number) =>
  ({ event: "progress", data: { progress: { section } } }) as unknown as NewSessionEvent;
const playout = { event: "playout", data: {} } as unknown as NewSessionEvent;
const change = (name: string) => ({ event: "channel", data: { name } }) as unknown as ChannelEvent;

/** What a reader is told, one by one. */
function listen() {
  const [changes, logs] = [new FrameBus<ChannelEvent>(), new FrameBus<EventLog>()];
  const leave = new AbortController();
  const news = channelNews(changes.read({ overflow: "wait" }), logs.read({ overflow: "wait" }), leave.signal);
  const next = async () => {
    const { done, value } = await news.next();
    if (done) return "end";
    const { id, name, progress } = value.data as unknown as {
      id?: string;
      name?: string;
      progress?: { section: number };
    };
    return `${value.event} ${id ?? name ?? progress?.section}`;
  };
  return { changes, logs, leave, next };
}

Deno.test("channelNews() tells what the channel shows, and of a session its newest state and what follows", async () => {
  const { changes, logs, leave, next } = listen();
  const log = new EventLog();
  for (const event of [state("a"), step(1), state("a"), playout, step(2)]) log.append(event);
  await changes.push(change("first"));
  assert.equal(await next(), "channel first");
  await logs.push(log);
  assert.deepEqual([await next(), await next()], ["state a", "progress 2"]);
  log.append(step(3));
  assert.equal(await next(), "progress 3");
  await changes.push(change("second"));
  assert.equal(await next(), "channel second");
  leave.abort();
  assert.equal(await next(), "end");
});

Deno.test("channelNews() leaves a session where the next one begins", async () => {
  const { logs, leave, next } = listen();
  const [first, second] = [new EventLog(), new EventLog()];
  first.append(state("a"));
  await logs.push(first);
  assert.equal(await next(), "state a");
  second.append(state("b"));
  await logs.push(second);
  assert.equal(await next(), "state b");
  first.append(step(4));
  second.append(step(1));
  assert.equal(await next(), "progress 1");
  leave.abort();
  assert.equal(await next(), "end");
});

Deno.test("channelNews() tells nothing to who has left already", async () => {
  const news = channelNews(
    new FrameBus<ChannelEvent>().read({ overflow: "wait" }),
    new FrameBus<EventLog>().read({ overflow: "wait" }),
    AbortSignal.abort(),
  );
  assert.equal((await news.next()).done, true);
});
