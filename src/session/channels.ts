/**
 * Named addresses that last: each shows the session of its name that is being made, then the next. Every name is a
 * channel; `latest` is that of all sessions.
 * @module
 */
import type { Log } from "../log.ts";
import type { ChannelEnd, LiveStream, ViewChoice } from "../stream/mod.ts";
import { Channel } from "./channel.ts";
import { channelNews } from "./channel_news.ts";
import { Refusal } from "./errors.ts";
import type { EventLog } from "./event_log.ts";
import { briefOf, type Feed } from "./feed.ts";
import type { Figures } from "./figures.ts";
import type { Gallery } from "./gallery.ts";
import { channelLinksOf } from "./links.ts";
import type { StreamTools } from "./pictures.ts";
import type { Stage, Watchable } from "./stage.ts";
import type { SessionStore } from "./store.ts";
import type { ChannelEvent, ChannelView, SessionView } from "./view.ts";

export interface ChannelsOptions {
  readonly store: SessionStore;
  readonly gallery: Gallery;
  readonly feed: Feed;
  readonly tools: StreamTools;
  readonly log: Log;
  readonly figures: Figures;
  /** Sessions being made or recorded, in the order they were begun in. */
  readonly running: () => readonly SessionView[];
  /** What happened to a session. */
  readonly logOf: (id: string) => EventLog;
}

/** Channels that can be watched at a time. Every name is one, and each that is watched has an encoder of its own. */
const watchedMax = 32;

export class Channels implements Stage, AsyncDisposable {
  readonly #options: ChannelsOptions;
  /** Those that somebody watches or is about to. */
  readonly #watched = new Map<string, { readonly channel: Channel; comers: number }>();
  /** Those that nobody watches any more, until they are closed. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: ChannelsOptions) {
    this.#options = options;
    void this.#followSessions();
  }

  /** `latest`, those with sessions, and those that are watched. */
  list(): ChannelView[] {
    const names = new Set([...this.#options.store.channels(), ...this.#watched.keys()]);
    names.delete(allSessions);
    return [allSessions, ...[...names].sort()].map((name) => this.view(name));
  }

  view(name: string): ChannelView {
    const running = this.#running(name);
    const isLive = running !== null && this.#options.gallery.hasPicture(running.id);
    const shown = isLive ? running : this.#newestWithVideo(name);
    return {
      name,
      state: isLive ? "live" : shown ? "between" : "waiting",
      session: shown && briefOf(shown),
      viewers: this.#watched.get(name)?.channel.viewers ?? 0,
      links: channelLinksOf(name),
    };
  }

  /** What the channel shows, at once and whenever that changes. */
  async *follow(name: string, signal: AbortSignal): AsyncGenerator<ChannelEvent> {
    const news = this.#options.feed.read(signal);
    let told = "";
    const change = (): ChannelEvent | undefined => {
      const data = this.view(name);
      const known = told;
      told = JSON.stringify([data.state, data.session]);
      return told === known ? undefined : { event: "channel", data };
    };
    yield change()!;
    for await (const _ of news) {
      const event = change();
      if (event) yield event;
    }
  }

  /** @throws also a `Refusal` when too many channels are watched */
  async watch<Result>(
    name: string,
    end: ChannelEnd,
    use: (watchable: Watchable) => Promise<Result>,
  ): Promise<Result> {
    this.#tidy();
    const watched = this.#watched.get(name) ?? this.#open(name);
    const { viewers } = this.#options.tools.limits; // of the channel: its streams together have no more
    if (watched.channel.viewers >= viewers) throw tooMany(`${viewers} watch this channel already`);
    watched.comers++;
    try {
      return await use({
        live: watched.channel.stream(end),
        links: channelLinksOf(name),
        defaultView: "arrival",
        events: (signal) => channelNews(this.follow(name, signal), this.#logs(name, signal), signal),
      });
    } finally {
      watched.comers--;
    }
  }

  /** False when there is no such viewer (any more). */
  choose(name: string, viewerId: string, choice: ViewChoice): boolean {
    return this.#streamsOf(name).some((live) => live.choose(viewerId, choice));
  }

  /** False when there is no such viewer (any more). */
  removeViewer(name: string, viewerId: string): boolean {
    return this.#streamsOf(name).some((live) => live.removeViewer(viewerId));
  }

  get streams(): readonly LiveStream[] {
    return [...this.#watched.values()].flatMap(({ channel }) => channel.streams);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const channels = [...this.#watched.values()].map(({ channel }) => channel);
    this.#watched.clear();
    await Promise.all([...this.#leaving, ...channels.map((channel) => channel[Symbol.asyncDispose]())]);
  }

  #open(name: string): { readonly channel: Channel; comers: number } {
    if (this.#watched.size >= watchedMax) throw tooMany(`${watchedMax} channels are watched already`);
    const due = () => this.#running(name) ?? this.#newestWithVideo(name);
    const watched = { channel: new Channel({ ...this.#options, name, due }), comers: 0 };
    this.#watched.set(name, watched);
    return watched;
  }

  /** Of the session that is being made, and of each that is made after it. */
  async *#logs(name: string, signal: AbortSignal): AsyncGenerator<EventLog> {
    const news = this.#options.feed.read(signal);
    let known = this.#running(name)?.id;
    if (known) yield this.#options.logOf(known);
    for await (const _ of news) {
      const running = this.#running(name)?.id;
      if (running && running !== known) yield this.#options.logOf(running);
      known = running ?? known;
    }
  }

  #streamsOf(name: string): readonly LiveStream[] {
    return this.#watched.get(name)?.channel.streams ?? [];
  }

  async #followSessions(): Promise<void> {
    for await (const _ of this.#options.feed.read(this.#closing.signal)) {
      for (const { channel } of this.#watched.values()) channel.look();
      this.#tidy();
    }
  }

  /** Nobody has to wait for a channel that is left. */
  #tidy(): void {
    for (const [name, { channel, comers }] of this.#watched) {
      if (comers > 0 || channel.viewers > 0) continue;
      this.#watched.delete(name);
      const leaving = channel[Symbol.asyncDispose]().finally(() => this.#leaving.delete(leaving));
      this.#leaving.add(leaving);
    }
  }

  #running(name: string): SessionView | null {
    return onAir(this.#options.running().filter((view) => name === allSessions || view.channel === name));
  }

  #newestWithVideo(name: string): SessionView | null {
    return this.#options.store.newestWithVideo(name === allSessions ? null : name)?.view ?? null;
  }
}

/**
 * Of a channel's sessions, the one that it shows: the one that was begun first, until all its frames are made. Then the
 * next, also while that one is being recorded.
 * @param running in the order they were begun in
 */
export function onAir(running: readonly SessionView[]): SessionView | null {
  return running.find(({ progress }) => progress.phase !== "recording") ?? running.at(-1) ?? null;
}

function tooMany(what: string): Refusal {
  return new Refusal("too-many-viewers", `${what}, more are not possible at a time`, { retryAfterSeconds: 15 });
}

/** Name of the channel that every session belongs to. */
const allSessions = "latest";
