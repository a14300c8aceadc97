/**
 * The one who works: takes sessions from the queue, one at a time, and has the engine make them.
 * @module
 */
import { DeviceError, type Engine, EngineLostError, type GenerationRequest } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import { Refusal } from "./errors.ts";
import { briefOf, type Feed } from "./feed.ts";
import type { Models } from "./models.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import type { HealthView, SessionView } from "./view.ts";

export interface WorkerOptions {
  readonly engine: Engine;
  readonly models: Models;
  readonly feed: Feed;
  readonly log: Log;
}

/** A session with what its engine needs, read when its turn comes. */
interface Job {
  readonly session: Session;
  readonly prepare: () => Promise<GenerationRequest>;
}

/** Makes the default model ready first, then one session after the other. Disposing ends the running one and its engine. */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #queue = new Queue<Job>();
  readonly #closing = new AbortController();
  readonly #working: Promise<void>;
  #running: Session | null = null;
  #state: HealthView["engine"]["state"] = "starting"; // `lost` until a lost engine's successor is ready
  #loading: string | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#working = this.#work();
  }

  get state(): HealthView["engine"]["state"] {
    return this.#state;
  }

  /** Sessions that wait, next one first. */
  get waiting(): readonly Session[] {
    return this.#queue.waiting.map(({ session }) => session);
  }

  get running(): Session | null {
    return this.#running;
  }

  /** @param limit how many may wait. @throws `Refusal` with the time until there is room again */
  refuseWhenFull(limit: number): void {
    const waiting = this.waiting.length;
    if (waiting < limit) return;
    const seconds = this.secondsUntil(1);
    const again = seconds === null ? "Try again later" : `Try again in about ${Math.ceil(seconds / 60)} min`;
    throw new Refusal("queue-full", `${waiting} videos are waiting already. ${again}.`, {
      waiting,
      ...(seconds === null ? {} : { retryAfterSeconds: Math.ceil(seconds) }),
    });
  }

  /** @param prepare reads the start picture and finds the model; what it throws fails the session */
  enqueue(session: Session, prepare: () => Promise<GenerationRequest>): void {
    this.#queue.push({ session, prepare });
    if (this.#loading !== null) session.showLoading(this.#loading);
    this.#announceWaiting();
  }

  /** Takes a session out of the line; nothing happens to one that does not wait. */
  withdraw(session: Session): void {
    const job = this.#queue.waiting.find((waiting) => waiting.session === session);
    if (job && this.#queue.remove(job)) this.#announceWaiting();
  }

  /** Place in the line and how long it takes until its turn; undefined for a session that does not wait. */
  placeOf(session: Session): SessionView["queue"] {
    const waiting = this.waiting;
    const ahead = waiting.indexOf(session);
    if (ahead < 0) return undefined;
    return { place: ahead + 1, waiting: waiting.length, expectedStartSeconds: this.secondsUntil(ahead) };
  }

  /** Until the one with `ahead` others before it in the line may start; null where a pace is not known yet. */
  secondsUntil(ahead: number): number | null {
    const before = [...(this.#running ? [this.#running] : []), ...this.waiting.slice(0, ahead)];
    return before.reduce<number | null>((sum, session) => {
      const seconds = session.remainingSeconds();
      return sum === null || seconds === null ? null : sum + seconds;
    }, 0);
  }

  /** What is made so far is kept as after a stop; who waits goes on waiting until the server is back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.close();
    this.#closing.abort();
    await this.#running?.stop();
    await this.#working;
    await this.#options.engine[Symbol.asyncDispose]();
  }

  async #work(): Promise<void> {
    await this.#warm("starting");
    for await (const job of this.#queue) {
      this.#running = job.session;
      this.#state = "running";
      const error = await this.#make(job);
      this.#running = null;
      this.#state = "idle";
      const isLost = error instanceof EngineLostError || (error instanceof DeviceError && error.fault === "lost");
      if (isLost) await this.#warm("lost");
    }
  }

  /** @returns what went wrong, if anything; the session has told it already */
  async #make({ session, prepare }: Job): Promise<unknown> {
    const { engine, models, feed, log } = this.#options;
    let request: GenerationRequest;
    try {
      request = await prepare();
    } catch (error) {
      log.error("session.unprepared", { id: session.id, error });
      session.fail(error);
      return error;
    }
    const made = session.generate(engine, request);
    this.#announceWaiting();
    feed.tell({ event: "session", data: briefOf(session.view()) });
    const error = await made;
    if (error === undefined) models.setState(session.view().settings.model, "ready");
    return error;
  }

  /** Makes the default model ready, so that the first video starts at once. Failing is not the end: a session will tell why. */
  async #warm(state: "starting" | "lost"): Promise<void> {
    const { engine, models, log } = this.#options;
    const id = models.defaultModel;
    const { signal } = this.#closing;
    this.#state = state;
    models.setState(id, "loading");
    try {
      const { dir } = await models.find(id);
      for await (const event of engine.warm(dir, signal)) {
        if (event.kind === "device") models.runsOn(event);
        if (event.kind === "loading") this.#showLoading(`${event.part}, ${event.done} of ${event.of}`);
      }
      models.setState(id, "ready");
    } catch (error) {
      models.setState(id, "cold");
      if (!signal.aborted) log.error("model.unusable", { id, error });
    }
    this.#showLoading(null);
    this.#state = "idle";
  }

  #showLoading(sentence: string | null): void {
    if (sentence === this.#loading) return;
    this.#loading = sentence;
    for (const session of this.waiting) session.showLoading(sentence);
  }

  #announceWaiting(): void {
    for (const session of this.waiting) session.announce();
  }
}
