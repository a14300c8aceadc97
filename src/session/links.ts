/**
 * Addresses of a session, and the text that stands in its file.
 * @module
 */
import type { ChannelView, SessionView } from "./view.ts";

/** Paths of a session on this server, such as there are. `frames` holds `{n}` for the frame's number, `sections` for the section's in making order. */
export function linksOf(
  id: string,
  { endStrength }: Pick<SessionView["settings"], "endStrength">,
): SessionView["links"] {
  const self = `/api/sessions/${id}`;
  return {
    self,
    events: `${self}/events`,
    whep: `${self}/whep`,
    liveTs: `${self}/live.ts`,
    video: `${self}/video.mp4`,
    sections: `${self}/sections/{n}.mp4`,
    image: `${self}/image`,
    ...(endStrength === null ? {} : { endImage: `${self}/end-image` }),
    frames: `${self}/frames/{n}.jpg`,
    watch: `/watch/${id}`,
    embed: `/embed/${id}`,
  };
}

/** Paths of a channel on this server. */
export function channelLinksOf(name: string): ChannelView["links"] {
  const self = `/api/channels/${name}`;
  return {
    self,
    events: `${self}/events`,
    whep: `${self}/whep`,
    liveTs: `${self}/live.ts`,
    embed: name === "latest" ? "/embed/latest" : `/embed/channel/${name}`,
  };
}

/** For the file's comment tag: with the same start picture, these settings give the same frames. */
export function recipeOf({ keepRecipe: _choice, previews: _shown, ...settings }: SessionView["settings"]): string {
  return JSON.stringify({ framecast: 1, ...settings });
}
