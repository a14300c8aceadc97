/**
 * The line of sessions, and a worker for each engine, who takes the next one when its engine is free.
 * @module
 */
import type { GenerationRequest } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { EngineOnDevice } from "./device.ts";
import { Refusal } from "./errors.ts";
import { secondsUntilTurn } from "./expected_start.ts";
import type { Feed } from "./feed.ts";
import type { Models } from "./models.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import type { EngineState, HealthView, SessionView } from "./view.ts";
import { type Job, type Line, Worker } from "./worker.ts";

export interface WorkersOptions {
  /** At least one. */
  readonly engines: readonly EngineOnDevice[];
  readonly models: Models;
  readonly feed: Feed;
  readonly log: Log;
}

export class Workers implements AsyncDisposable {
  readonly #queue = new Queue<Job>();
  readonly #workers: readonly Worker[];
  readonly #log: Log;
  /** Those whose engine is of no use, while there are others. */
  readonly #aside = new Set<Worker>();
  #noneLeft = Promise.withResolvers<void>();
  #loading: string | null = null;

  constructor({ engines, ...options }: WorkersOptions) {
    this.#log = options.log;
    const line: Line = {
      jobs: this.#queue,
      moveUp: () => this.#announceWaiting(),
      takeBack: (job) => {
        this.#queue.pushFront(job);
        this.#announceWaiting();
      },
      tellLoading: () => this.#showLoading(),
      standAside: (worker) => this.#standAside(worker),
    };
    this.#workers = engines.map((engine) => new Worker({ ...options, ...engine, line }));
  }

  /** In the order of the devices. */
  get engines(): HealthView["engines"] {
    return this.#workers.map(({ device, state }) => ({ device, state }));
  }

  /** Of the engine that can do most. */
  get state(): EngineState {
    const bestFirst = ["running", "idle", "starting", "lost"] as const;
    return bestFirst.find((state) => this.#workers.some((worker) => worker.state === state))!;
  }

  /** Sessions that wait, next one first. */
  get waiting(): readonly Session[] {
    return this.#queue.waiting.map(({ session }) => session);
  }

  get running(): readonly Session[] {
    return this.#workers.flatMap(({ running }) => running ?? []);
  }

  /** @param limit how many may wait. @throws `Refusal` with the time until there is room again */
  refuseWhenFull(limit: number): void {
    const waiting = this.waiting.length;
    if (waiting < limit) return;
    const seconds = this.#secondsUntil(0);
    const again = seconds === null ? "Try again later" : `Try again in about ${Math.ceil(seconds / 60) || 1} min`;
    throw new Refusal("queue-full", `${waiting} videos are waiting already. ${again}.`, {
      waiting,
      ...(seconds === null ? {} : { retryAfterSeconds: Math.ceil(seconds) || 1 }),
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
    return {
      place: ahead + 1,
      waiting: waiting.length,
      running: this.running.length,
      expectedStartSeconds: this.#secondsUntil(ahead),
    };
  }

  /** What is made so far is kept as after a stop; who waits goes on waiting until the server is back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.close();
    this.#noneLeft.resolve();
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }

  /** Until the one with `ahead` others before it in the line may start; null where a pace is not known yet. */
  #secondsUntil(ahead: number): number | null {
    const atWork = this.#workers.filter((worker) => !this.#aside.has(worker));
    return secondsUntilTurn(
      atWork.map(({ running }) => running ? running.remainingSeconds() : 0),
      this.waiting.slice(0, ahead).map((session) => session.remainingSeconds()),
    );
  }

  /** Else an engine that fails every session at once would be free at once, and take them all. */
  async #standAside(worker: Worker): Promise<void> {
    this.#aside.add(worker);
    if (this.#aside.size === this.#workers.length) {
      this.#aside.clear();
      this.#noneLeft.resolve();
      this.#noneLeft = Promise.withResolvers();
      return;
    }
    this.#log.warn("engine.aside", { device: worker.device });
    await this.#noneLeft.promise;
  }

  /** Who waits is told what is being loaded, as long as that is what it waits for. */
  #showLoading(): void {
    const isReady = this.#workers.some(({ state }) => state === "idle" || state === "running");
    const sentence = isReady ? null : this.#workers.find(({ loading }) => loading !== null)?.loading ?? null;
    if (sentence === this.#loading) return;
    this.#loading = sentence;
    for (const session of this.waiting) session.showLoading(sentence);
  }

  #announceWaiting(): void {
    for (const session of this.waiting) session.announce();
  }
}
