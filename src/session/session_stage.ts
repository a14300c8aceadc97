/**
 * Sessions as they are watched, each at its own address.
 * @module
 */
import type { ChannelEnd, ViewChoice } from "../stream/mod.ts";
import type { EventLog } from "./event_log.ts";
import type { Gallery } from "./gallery.ts";
import type { Stage, Watchable } from "./stage.ts";
import type { SessionView } from "./view.ts";

export interface SessionStageOptions {
  readonly gallery: Gallery;
  /** A session as it is now; `latest` is an id, too. @throws `Refusal` when there is none */
  readonly find: (id: string) => SessionView;
  /** Its log, as far as there is one. */
  readonly logOf: (id: string) => EventLog;
}

export class SessionStage implements Stage {
  readonly #options: SessionStageOptions;

  constructor(options: SessionStageOptions) {
    this.#options = options;
  }

  /** A session that has ended is read back from its file if need be. */
  async watch<Result>(id: string, _end: ChannelEnd, use: (watchable: Watchable) => Promise<Result>): Promise<Result> {
    const { gallery, find, logOf } = this.#options;
    const view = find(id);
    await using _held = gallery.hold(view.id);
    const { live } = await gallery.watch(view);
    return await use({
      live,
      links: view.links,
      defaultView: view.settings.schedule === "forward" ? "edge" : "arrival",
      events: (signal) => {
        const log = logOf(view.id);
        return log.read(log.lastIdBefore("state"), signal);
      },
    });
  }

  choose(id: string, viewerId: string, choice: ViewChoice): boolean {
    return this.#options.gallery.stream(id)?.choose(viewerId, choice) ?? false;
  }

  removeViewer(id: string, viewerId: string): boolean {
    return this.#options.gallery.stream(id)?.removeViewer(viewerId) ?? false;
  }
}
