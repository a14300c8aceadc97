/**
 * Every session of this server: asked for, waiting, running, ended. As many run at a time as there are engines.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { type GenerationSettings, type LoraChoice, planVideo } from "../engine/mod.ts";
import { coverImage } from "../image.ts";
import type { Log } from "../log.ts";
import { Channels, onAir } from "./channels.ts";
import type { EngineOnDevice } from "./device.ts";
import { Refusal } from "./errors.ts";
import { EventLog } from "./event_log.ts";
import { Figures } from "./figures.ts";
import { briefOf, Feed } from "./feed.ts";
import { folderOf, makeFolder, removeFolder } from "./folder.ts";
import { SessionFiles } from "./files.ts";
import { Gallery } from "./gallery.ts";
import { drawSeed, newId } from "./identity.ts";
import type { Models } from "./models.ts";
import { pictureType } from "./picture_type.ts";
import type { Pictures, StreamTools } from "./pictures.ts";
import { picturesOfOrder, type SentPictures } from "./pictures_of_order.ts";
import { isDiskFull } from "./problem.ts";
import { requestOf } from "./restart.ts";
import { revive } from "./revival.ts";
import type { SessionOrder } from "./order.ts";
import { Session } from "./session.ts";
import { SessionStage } from "./session_stage.ts";
import type { EarlierSession } from "./surroundings.ts";
import type { Stage } from "./stage.ts";
import { Status } from "./status.ts";
import type { SessionStore, StoredSession } from "./store.ts";
import type { FeedEvent, SessionEvent, SessionView } from "./view.ts";
import { Unrecorded } from "./unrecorded.ts";
import { Workers } from "./workers.ts";

export interface SessionsOptions {
  readonly dataDir: string;
  /** Sessions that may wait. */
  readonly queueLimit: number;
  /** At least one. */
  readonly engines: readonly EngineOnDevice[];
  readonly models: Models;
  readonly store: SessionStore;
  readonly tools: StreamTools;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What somebody asks for. */
export interface NewSession extends SentPictures {
  readonly settings: GenerationSettings;
  /** The default model when left out. */
  readonly model?: string | undefined;
  readonly loras: readonly LoraChoice[];
  /** Whether the settings stand in the file's comment tag. */
  readonly keepRecipe: boolean;
  /** Name of the channel that shows it; checked. */
  readonly channel?: string | null | undefined;
}

export class Sessions implements AsyncDisposable {
  readonly #options: SessionsOptions;
  readonly files: SessionFiles;
  readonly stage: Stage;
  readonly channels: Channels;
  readonly status: Status;
  readonly #figures = new Figures();
  readonly #feed = new Feed();
  readonly #gallery: Gallery;
  readonly #workers: Workers;
  /** Those that wait or run. The others are in the store. */
  readonly #active = new Map<string, Session>();
  /** Those that ended when the disk was full: frames without a file. */
  readonly #unrecorded = new Unrecorded();
  /** Those being deleted. */
  readonly #leaving = new Set<string>();
  #state: "open" | "closing" = "open";

  private constructor(options: SessionsOptions) {
    this.#options = options;
    this.#gallery = new Gallery({ ...options, figures: this.#figures });
    const find = (id: string) => ({ ...this.#find(id), view: this.view(id) });
    const own = { ...options, gallery: this.#gallery, feed: this.#feed, figures: this.#figures };
    this.files = new SessionFiles({ ...own, unrecorded: this.#unrecorded, find });
    const logOf = (id: string) => this.#logOf(id);
    this.stage = new SessionStage({ ...own, find: (id) => this.view(id), logOf });
    this.channels = new Channels({ ...own, running: () => this.#running(), logOf });
    this.#workers = new Workers({ ...options, feed: this.#feed });
    this.status = new Status({ ...own, workers: this.#workers, channels: this.channels });
  }

  /** Goes on with what an earlier server left: who waited waits again, who ran goes on where it was. */
  static async open(options: SessionsOptions): Promise<Sessions> {
    const sessions = new Sessions(options);
    for (const { view } of options.store.list().reverse()) {
      await revive(view, {
        ...{ ...options, gallery: sessions.#gallery },
        enqueue: (order, pictures, earlier) => sessions.#enqueue(sessions.#session(order, pictures, earlier)),
      });
    }
    return sessions;
  }

  /**
   * Takes an order: it waits for its turn.
   * @throws `Refusal`, `ImageError`, `RequestError`, `CheckpointError`
   */
  async create({ settings, model, loras, keepRecipe, channel = null, ...sent }: NewSession): Promise<SessionView> {
    if (this.#state === "closing") throw new Refusal("shutting-down", "The server is stopping, start it again");
    this.#workers.refuseWhenFull(this.#options.queueLimit);
    const { models } = this.#options;
    const found = await models.find(model);
    const { id: modelId, manifest } = found;
    const { resolved, start, end } = await picturesOfOrder(settings, sent, manifest, drawSeed());
    const plan = planVideo(resolved);
    await models.loraFiles(found, loras);
    const id = newId();
    const folder = folderOf(this.#options.dataDir, id);
    try {
      await makeFolder(folder);
      await writeFile(folder.start, start.bytes);
      if (end) await writeFile(folder.end, end.bytes);
      const pictures = await this.#gallery.open(id, plan, await coverImage(start.image, resolved));
      const order = {
        id,
        createdAtMs: this.#options.now(),
        settings: {
          ...{ ...resolved, model: modelId, loras: [...loras], keepRecipe },
          ...{ start: sent.start, endStrength: end?.strength ?? null },
        },
        channel,
        plan,
      };
      const session = this.#session({ ...order, folder }, pictures);
      this.#options.store.add({ view: session.view(), imageType: pictureType(start.bytes) });
      this.#enqueue(session);
      return session.view();
    } catch (error) {
      await this.#gallery.close(id);
      await removeFolder(folder);
      if (!isDiskFull(error)) throw error;
      throw new Refusal("disk-full", "The disk is full, so the start picture cannot be kept", {}, { cause: error });
    }
  }

  /** Newest first. */
  list(): SessionView[] {
    return this.#options.store.list().map(({ view }) => this.#current(view));
  }

  /** @param id also `latest`, here and in all that only looks. @throws `Refusal` when there is none */
  view(id: string): SessionView {
    return this.#current(this.#find(id).view);
  }

  /** The one that the channel of all shows while it is made, else the newest that can be watched, else the next to run. */
  latest(): SessionView | null {
    const running = onAir(this.#running());
    if (running) return running;
    const watchable = this.#options.store.newestWithVideo();
    if (watchable) return this.#current(watchable.view);
    return this.#workers.waiting[0]?.view() ?? null;
  }

  /** What happens to all sessions. `latest` comes first, and after what changed it. */
  follow(signal: AbortSignal): AsyncIterable<FeedEvent> {
    return this.#feed.follow(() => this.latest(), signal);
  }

  /**
   * The log of a session from after `afterId`, past and future. Ends with the session.
   * @throws `Refusal` when there is none
   */
  events(id: string, afterId: number, signal: AbortSignal): AsyncIterable<SessionEvent> {
    return this.#logOf(id).read(afterId, signal);
  }

  /** Whether a session has ended and nothing happened after `afterId`. @throws `Refusal` when there is none */
  hasEndedAt(id: string, afterId: number): boolean {
    const { view } = this.#find(id);
    return !this.#active.has(view.id) && (this.#options.store.events(view.id).at(-1)?.id ?? 0) <= afterId;
  }

  /** Ends a session early and keeps what is made; one that has ended stays as it is. Resolves in the end state. */
  async stop(id: string): Promise<SessionView> {
    this.#stored(id);
    const session = this.#active.get(id);
    if (session) {
      this.#workers.withdraw(session);
      await session.stop();
    }
    return this.view(id);
  }

  /** Gives what is not in work yet another prompt. @throws `Refusal` */
  steer(id: string, prompt: string): SessionView {
    this.#stored(id);
    const session = this.#active.get(id);
    if (!session) throw new Refusal("nothing-left", "The session has ended, so its prompt stays as it is");
    session.steer(prompt);
    this.#tell(session.view());
    return session.view();
  }

  /** Stops and forgets it, file and all. Whoever watches sees the picture end. */
  async delete(id: string): Promise<void> {
    await this.stop(id);
    this.#leaving.add(id);
    try {
      await this.#gallery.forget(id);
      this.#unrecorded.forget(id);
      await removeFolder(folderOf(this.#options.dataDir, id)); // first: it makes the room the store may need
      this.#options.store.delete(id);
    } finally {
      this.#leaving.delete(id);
    }
    this.#feed.tell({ event: "deleted", data: { id } });
  }

  /** Keeps what the running sessions have made, ends the engines and every live picture. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closing";
    await this.#workers[Symbol.asyncDispose]();
    await this.channels[Symbol.asyncDispose]();
    this.#feed.close();
    for (const id of this.#unrecorded.ids) {
      await this.#unrecorded.record(id).catch((error) => this.#options.log.error("recording.lost", { id, error }));
    }
    await this.#gallery[Symbol.asyncDispose]();
  }

  #logOf(id: string): EventLog {
    const { view } = this.#find(id);
    const log = this.#active.get(view.id)?.log;
    if (log) return log;
    const past = new EventLog(this.#options.store.events(view.id));
    past.end();
    return past;
  }

  /** In the order they were begun in. */
  #running(): SessionView[] {
    return [...this.#active.values()].filter(({ state }) => state === "running").map((session) => session.view());
  }

  #session(order: SessionOrder, pictures: Pictures, earlier?: EarlierSession): Session {
    const session: Session = new Session(order, {
      ...this.#options,
      figures: this.#figures,
      pictures,
      queue: () => this.#workers.placeOf(session),
    }, earlier);
    return session;
  }

  #enqueue(session: Session): void {
    const { dataDir, models } = this.#options;
    this.#active.set(session.id, session);
    const prepare = async () => ({
      ...await requestOf(session.view().settings, folderOf(dataDir, session.id), models),
      ...(session.point ? { resume: session.point } : {}),
    });
    this.#workers.enqueue(session, prepare);
    this.#tell(session.view());
    void session.firstPicture.then(() => this.#tell(session.view()));
    void session.ended.then(async () => {
      this.#active.delete(session.id);
      if (session.isUnrecorded) this.#unrecorded.keep(session);
      this.#tell(session.view());
      await this.#gallery.tidy(new Set([...this.#active.keys(), ...this.#unrecorded.ids, session.id]));
    });
  }

  #find(id: string): StoredSession {
    if (id !== "latest") return this.#stored(id);
    const latest = this.latest();
    if (!latest) throw new Refusal("not-found", "There is no session to watch yet", { value: id });
    return this.#stored(latest.id);
  }

  #stored(id: string): StoredSession {
    const stored = this.#options.store.get(id);
    if (!stored || this.#leaving.has(id)) {
      throw new Refusal("not-found", `There is no session "${id}". It may have been deleted.`, { value: id });
    }
    return stored;
  }

  #current(view: SessionView): SessionView {
    return this.#active.get(view.id)?.view() ?? { ...view, viewers: this.#gallery.viewers(view.id) };
  }

  #tell(view: SessionView): void {
    this.#feed.tell({ event: "session", data: briefOf(view) });
  }
}
