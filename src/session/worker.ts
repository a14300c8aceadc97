/**
 * One engine at work: takes sessions from the line, one at a time, and has the engine make them.
 * @module
 */
import { type GenerationRequest, isEngineLost } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { EngineOnDevice } from "./device.ts";
import { briefOf, type Feed } from "./feed.ts";
import type { Models } from "./models.ts";
import type { Session } from "./session.ts";
import type { EngineState } from "./view.ts";

/** A session with what its engine needs, read when its turn comes. */
export interface Job {
  readonly session: Session;
  readonly prepare: () => Promise<GenerationRequest>;
}

/** The line a worker takes from, with or without others. */
export interface Line {
  readonly jobs: AsyncIterable<Job>;
  /** A session has been taken out of it and runs: who waits moves up. */
  moveUp(): void;
  /** A session whose engine was lost goes on with the next one that is free. */
  takeBack(job: Job): void;
  /** A worker's `state` or `loading` has changed. */
  tellLoading(): void;
  /** For a worker whose engine is of no use. Resolves when there is no other: who waits is to hear why. */
  standAside(worker: Worker): Promise<void>;
}

export interface WorkerOptions extends EngineOnDevice {
  readonly line: Line;
  readonly models: Models;
  readonly feed: Feed;
  readonly log: Log;
}

/** Makes the default model ready first, then one session after the other. Disposing ends the running one and its engine. */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #closing = new AbortController();
  readonly #working: Promise<void>;
  #running: Session | null = null;
  #state: EngineState = "starting";
  #loading: string | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#working = this.#work();
  }

  /** `lost` until a lost engine's successor is ready, and while it stands aside. */
  get state(): EngineState {
    return this.#state;
  }

  /** Sentence about what is being loaded; null while nothing is. */
  get loading(): string | null {
    return this.#loading;
  }

  get running(): Session | null {
    return this.#running;
  }

  /** As people call it. */
  get device(): string {
    return this.#options.device.name;
  }

  /** What is made so far is kept as after a stop. The line has to be closed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running?.stop();
    await this.#working;
    await this.#options.engine[Symbol.asyncDispose]();
  }

  async #work(): Promise<void> {
    await this.#warm("starting");
    for await (const job of this.#options.line.jobs) {
      this.#running = job.session;
      this.#state = "running";
      const error = await this.#make(job);
      this.#running = null;
      this.#state = "idle";
      if (!isEngineLost(error)) continue;
      if (job.session.state === "queued") this.#options.line.takeBack(job);
      await this.#warm("lost");
    }
  }

  /** @returns what went wrong, if anything; the session has told it already */
  async #make({ session, prepare }: Job): Promise<unknown> {
    const { engine, device, line, feed, log } = this.#options;
    let request: GenerationRequest;
    try {
      request = await prepare();
    } catch (error) {
      log.error("session.unprepared", { id: session.id, error });
      session.fail(error);
      return error;
    }
    const made = session.generate({ engine, device }, request);
    line.moveUp();
    feed.tell({ event: "session", data: briefOf(session.view()) });
    const error = await made;
    if (error === undefined) device.setState(session.view().settings.model, "ready");
    return error;
  }

  /** Makes the default model ready, so that the first video starts at once. */
  async #warm(state: "starting" | "lost"): Promise<void> {
    const { line } = this.#options;
    this.#state = state;
    const error = await this.#load();
    this.#loading = null;
    if (error !== undefined) {
      this.#state = "lost";
      await line.standAside(this);
    }
    this.#state = "idle";
    line.tellLoading();
  }

  /** @returns what went wrong, if anything */
  async #load(): Promise<unknown> {
    const { engine, device, line, models, log } = this.#options;
    const id = models.defaultModel;
    const { signal } = this.#closing;
    device.setState(id, "loading");
    try {
      const { dir } = await models.find(id);
      for await (const event of engine.warm(dir, signal)) {
        if (event.kind === "device") device.learn(event);
        if (event.kind !== "loading") continue;
        this.#loading = `${event.part}, ${event.done} of ${event.of}`;
        line.tellLoading();
      }
      device.setState(id, "ready");
      return undefined;
    } catch (error) {
      device.setState(id, "cold");
      if (!signal.aborted) log.error("model.unusable", { id, device: device.name, error });
      return error;
    }
  }
}
