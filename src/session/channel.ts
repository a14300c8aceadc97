/**
 * One channel that somebody watches: an address that goes from session to session.
 * @module
 */
import type { Log } from "../log.ts";
import {
  type ChannelEnd,
  type ChannelVideo,
  createChannelSource,
  createLiveStream,
  type LiveStream,
} from "../stream/mod.ts";
import type { Figures } from "./figures.ts";
import type { Gallery } from "./gallery.ts";
import type { StreamTools } from "./pictures.ts";
import type { SessionView } from "./view.ts";

export interface ChannelOptions {
  readonly name: string;
  readonly tools: StreamTools;
  readonly gallery: Gallery;
  readonly log: Log;
  readonly figures: Figures;
  /** The session to be shown: one being made, else the newest with a video; null for none. */
  readonly due: () => SessionView | null;
}

/** Size of the slate before the first video. */
const slateFormat = { widthPx: 640, heightPx: 360, frameRate: 30 };

/** Knows nothing that could not be found out again, so it can be disposed of whenever nobody watches. */
export class Channel implements AsyncDisposable {
  readonly #options: ChannelOptions;
  /** What happens after a video is the same for all viewers of a stream. */
  readonly #streams = new Map<ChannelEnd, LiveStream>();
  #current: HeldVideo | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.look();
  }

  get streams(): readonly LiveStream[] {
    return [...this.#streams.values()];
  }

  get viewers(): number {
    return this.streams.reduce((sum, { viewers }) => sum + viewers, 0);
  }

  stream(end: ChannelEnd): LiveStream {
    const present = this.#streams.get(end);
    if (present) return present;
    const live = createLiveStream({
      ...this.#options.tools,
      source: (choice) => createChannelSource({ current: () => this.#current, choice, end, format: slateFormat }),
    });
    this.#streams.set(end, live);
    void this.#logFailures(live);
    return live;
  }

  /** Something has happened to a session: perhaps another one is to be shown. */
  look(): void {
    this.#looking = this.#looking.then(() => this.#find());
  }

  /** Its frames are kept readable, since a viewer may come at any time. */
  async #find(): Promise<void> {
    const { name, due, gallery, log } = this.#options;
    const view = due();
    if (view?.id === this.#current?.id) return;
    const before = this.#current;
    try {
      this.#current = view && await openVideo(gallery, view);
    } catch (error) { // deleted meanwhile, or its file is damaged: the next change leads on
      this.#current = null;
      log.warn("channel.unreadable", { channel: name, id: view?.id, error });
    }
    await before?.held[Symbol.asyncDispose]();
  }

  /** Ends with the stream. */
  async #logFailures(live: LiveStream): Promise<void> {
    for await (const error of live.failures()) {
      this.#options.log.error("picture.failed", { channel: this.#options.name, error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking;
    await Promise.all(this.streams.map((live) => live[Symbol.asyncDispose]()));
    for (const live of this.streams) this.#options.figures.streamEnded(live.stats());
    await this.#current?.held[Symbol.asyncDispose]();
  }
}

interface HeldVideo extends ChannelVideo {
  readonly held: AsyncDisposable;
}

/** @throws `Refusal` when the session ended without a frame */
async function openVideo(gallery: Gallery, view: SessionView): Promise<HeldVideo> {
  const { id } = view;
  const held = gallery.hold(id);
  try {
    const { footage } = await gallery.watch(view);
    return { id, footage, hold: () => gallery.hold(id), held };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}
