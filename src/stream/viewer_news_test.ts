import assert from "node:assert/strict";
import type { PlayoutSegment } from "./live_picture.ts";
import { type NewsEvent, ViewerNews } from "./viewer_news.ts";

const segment: PlayoutSegment = {
  video: "one",
  view: "edge",
  wait: "hold",
  previews: "shown",
  rtpTimestamp: 5,
  shows: "frames",
  start: 0,
  end: 9,
  rate: 1,
  loop: true,
};

function listener() {
  const heard: Record<string, unknown>[] = [];
  const viewer = {
    untoldBytes: 0,
    state: "open",
    tell: (message: string) => void heard.push(JSON.parse(message)),
    hush: () => void (viewer.state = "closed"),
  };
  return { viewer, heard };
}

async function* log(count: number, act: (id: number) => void = () => {}): AsyncGenerator<NewsEvent> {
  for (let id = 1; id <= count; id++) {
    act(id);
    yield { id, event: id % 2 === 0 ? "playout" : "progress", data: { id } };
  }
}

Deno.test("ViewerNews tells the log with its numbers, and what its picture shows without one", async () => {
  const { viewer, heard } = listener();
  const news = new ViewerNews(viewer);
  news.showing(segment);
  await news.follow(log(2));
  assert.deepEqual(heard, [
    { event: "playout", data: segment },
    { id: 1, event: "progress", data: { id: 1 } },
    { id: 2, event: "playout", data: { id: 2 } },
  ]);
});

Deno.test("ViewerNews leaves out what the picture shows first, when somebody reads too slowly", async () => {
  const { viewer, heard } = listener();
  const news = new ViewerNews(viewer);
  viewer.untoldBytes = 1_000_001;
  news.showing(segment);
  await news.follow(log(4));
  assert.deepEqual(heard.map(({ id }) => id), [1, 3]);
});

Deno.test("ViewerNews closes the channel of somebody who does not read, and tells nothing more", async () => {
  const { viewer, heard } = listener();
  const news = new ViewerNews(viewer);
  await news.follow(log(100, (id) => viewer.untoldBytes = id * 1_000_000));
  news.showing(segment);
  assert.equal(viewer.state, "closed");
  assert.deepEqual(heard.map(({ id }) => id), [1, 3, 5]);
});
