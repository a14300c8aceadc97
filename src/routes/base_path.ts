/**
 * Where on its host this server lies. Inside, every address begins at its root: in the store, in the sessions, in the
 * routes. Only what goes out has the base path in front, so that another one may be chosen at any time.
 * @module
 */
import type {
  ChannelEvent,
  ChannelView,
  FeedEvent,
  ModelView,
  Problem,
  SessionEvent,
  SessionView,
} from "../session/mod.ts";

export class BasePath {
  /** @param path `""` or such as `/framecast` */
  constructor(readonly path: string) {}

  /** The address of one of this server's own: `/api/docs`. */
  address(address: string): string {
    return this.path + address;
  }

  /** What a path is here, `/` for the base path itself; undefined for one that is not below it. */
  strip(path: string): string | undefined {
    if (path === this.path) return "/";
    return path.startsWith(`${this.path}/`) ? path.slice(this.path.length) : undefined;
  }

  links<Links extends Readonly<Record<string, string>>>(links: Links): Links {
    const entries = Object.entries(links).map(([name, address]) => [name, this.address(address)]);
    return Object.fromEntries(entries) as Links;
  }

  problem(problem: Problem): Problem {
    return { ...problem, type: this.address(problem.type) };
  }

  view(view: SessionView): SessionView {
    const links = this.links(view.links);
    return view.problem ? { ...view, links, problem: this.problem(view.problem) } : { ...view, links };
  }

  model(model: ModelView): ModelView {
    return { ...model, examples: model.examples.map((one) => ({ ...one, image: this.address(one.image) })) };
  }

  channel(channel: ChannelView): ChannelView {
    return { ...channel, links: this.links(channel.links), session: channel.session && this.#brief(channel.session) };
  }

  /** Of a session or a channel. */
  async *events(events: AsyncIterable<SessionEvent | ChannelEvent>): AsyncGenerator<SessionEvent | ChannelEvent> {
    for await (const event of events) {
      if (event.event === "state") yield { ...event, data: this.view(event.data) };
      else if (event.event === "problem") yield { ...event, data: this.problem(event.data) };
      else if (event.event === "channel") yield { ...event, data: this.channel(event.data) };
      else yield event;
    }
  }

  async *feed(events: AsyncIterable<FeedEvent>): AsyncGenerator<FeedEvent> {
    for await (const event of events) {
      if (event.event === "session") yield { ...event, data: this.#brief(event.data) };
      else if (event.event === "latest") yield { ...event, data: event.data && this.#brief(event.data) };
      else yield event;
    }
  }

  #brief<Brief extends { readonly links: SessionView["links"] }>(brief: Brief): Brief {
    return { ...brief, links: this.links(brief.links) };
  }
}
