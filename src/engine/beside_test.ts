import assert from "node:assert/strict";
import { randomOf } from "../../tests/seeded.ts";
import { beside, inTurn, type Work } from "./beside.ts";

const going = new AbortController().signal;

/** Work that tells 1, 2, … each when it is let, and writes down how far it has come. */
class TestWork {
  readonly done: string[] = [];
  #permits = 0;
  #change = Promise.withResolvers<void>();
  state: "planned" | "under way" | "waiting" | "over" = "planned";
  signal: AbortSignal | undefined;

  constructor(readonly name: string, readonly parts: number, readonly fails?: Error) {}

  let(parts = 1): void {
    this.#permits += parts;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  readonly work: Work<string, string> = (signal) => this.#run(signal);

  async *#run(signal: AbortSignal): AsyncGenerator<string, string> {
    this.signal = signal;
    try {
      for (let part = 1; part <= this.parts; part++) {
        this.state = "under way";
        await this.#permit(signal);
        this.done.push(`${this.name} ${part}`);
        this.state = "waiting";
        yield `${this.name} ${part}`;
      }
      this.state = "under way";
      if (this.fails) await this.#permit(signal);
      if (this.fails) throw this.fails;
      return `${this.name} has ended`;
    } finally {
      this.state = "over";
    }
  }

  async #permit(signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      while (this.#permits === 0) await Promise.race([this.#change.promise, stopped.promise]);
      this.#permits--;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 0));

async function read<Told>(told: AsyncGenerator<Told, unknown>, upTo = Infinity): Promise<Told[]> {
  const values: Told[] = [];
  while (values.length < upTo) {
    const { value, done } = await told.next();
    if (done) break;
    values.push(value as Told);
  }
  return values;
}

Deno.test("inTurn() does the first piece of work, then the second, whose result it has", async () => {
  const [first, second] = [new TestWork("a", 2), new TestWork("b", 2)];
  second.let(2);
  const both = inTurn(first.work, second.work, going);
  const next = both.next();
  await turns();
  assert.equal(second.state, "planned");
  first.let(2);
  assert.deepEqual([(await next).value, ...await read(both, 3)], ["a 1", "a 2", "b 1", "b 2"]);
  assert.deepEqual(await both.next(), { value: "b has ended", done: true });
});

Deno.test("beside() tells at once what either piece of work tells, and ends with both", async () => {
  const [first, second] = [new TestWork("a", 2), new TestWork("b", 2)];
  const both = beside(first.work, second.work, going);
  const told = [];
  for (const work of [second, first, second]) {
    const next = both.next();
    work.let();
    told.push((await next).value);
  }
  assert.deepEqual(told, ["b 1", "a 1", "b 2"]);
  const last = both.next();
  await turns();
  assert.equal(second.state, "over");
  first.let();
  assert.equal((await last).value, "a 2");
  assert.deepEqual(await both.next(), { value: "b has ended", done: true });
});

Deno.test("beside() keeps each one's order, and none is more than one part ahead of its reader, in any order of events", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = randomOf(seed);
    const [first, second] = ["a", "b"].map((name) => new TestWork(name, Math.floor(6 * random()))) as [
      TestWork,
      TestWork,
    ];
    const works = [first, second];
    const both = beside(first.work, second.work, going);
    const told: string[] = [];
    const toldOf = ({ name }: TestWork) => told.filter((part) => part.startsWith(name));
    for (let isOver = false; !isOver;) {
      const next = both.next().then(({ value, done }) => {
        isOver = done!;
        if (!done) told.push(value);
        else assert.equal(value, "b has ended");
      });
      while (random() < 0.7) {
        works[Math.floor(2 * random())]!.let();
        if (random() < 0.5) await turns();
      }
      for (const work of works) work.let();
      await next;
      for (const work of works) {
        assert.deepEqual(toldOf(work), work.done.slice(0, toldOf(work).length), `seed ${seed}`);
        assert.ok(work.done.length - toldOf(work).length <= 1, `seed ${seed}`);
      }
    }
    for (const work of works) assert.deepEqual([toldOf(work).length, work.state], [work.parts, "over"], `seed ${seed}`);
  }
});

Deno.test("beside() stops the other piece of work when one fails, tells what that one had ready, and throws the cause", async () => {
  for (const failing of ["a", "b"]) {
    const cause = new Error(`${failing} has failed`);
    const [first, second] = ["a", "b"].map((name) => new TestWork(name, 3, name === failing ? cause : undefined)) as [
      TestWork,
      TestWork,
    ];
    const [bad, other] = failing === "a" ? [first, second] : [second, first];
    const both = beside(first.work, second.work, going);
    bad.let(4);
    const before = await read(both, 3);
    other.let();
    await turns();
    assert.deepEqual(before, bad.done);
    const rest: string[] = [];
    await assert.rejects(async () => {
      for await (const part of both) rest.push(part);
    }, cause);
    assert.deepEqual(rest, other.done);
    assert.equal(rest.length, 1);
    assert.deepEqual([first.state, second.state], ["over", "over"]);
    assert.equal(other.signal!.reason, cause);
  }
});

Deno.test("beside() ends with the signal's reason, and with nothing under way", async () => {
  const [first, second] = [new TestWork("a", 2), new TestWork("b", 2)];
  const stop = new AbortController();
  const both = beside(first.work, second.work, stop.signal);
  second.let();
  await read(both, 1);
  const next = both.next();
  await turns();
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(next, reason);
  assert.deepEqual([first.state, second.state], ["over", "over"]);
});

Deno.test("beside() leaves nothing under way when its reader leaves", async () => {
  const [first, second] = [new TestWork("a", 2), new TestWork("b", 2)];
  second.let();
  for await (const part of beside(first.work, second.work, going)) {
    assert.equal(part, "b 1");
    assert.deepEqual([first.state, second.state], ["under way", "waiting"]);
    break;
  }
  assert.deepEqual([first.state, second.state], ["over", "over"]);
});
