/**
 * The addresses that other programs take, and the commands that play them. Pure: no DOM.
 * @module
 */
import { writeEmbedOptions } from "./embed_options.js";

/** What a channel may be called; the server has the same rule. */
export const channelNamePattern = "[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}";
export const isChannelName = (name) => new RegExp(`^${channelNamePattern}$`).test(name);

/** Options that mean the same to the live picture, whoever shows it. */
const pictureOptions = ["view", "wait", "previews"];

/**
 * @param {string} base the page's base, under which all addresses are
 * @param {{ kind: "session" | "channel", name: string }} target
 * @param {Record<string, string>} options of the OBS page; empty ones say nothing
 * @returns {{ embed: string, liveTs: string, whep: string }} whole addresses
 */
export function addressesOf(base, { kind, name }, options) {
  const id = encodeURIComponent(name);
  const api = kind === "channel" ? `api/channels/${id}` : `api/sessions/${id}`;
  const ofPicture = Object.fromEntries(pictureOptions.map((option) => [option, options[option]]));
  // A channel can play an ended video again and again; what else comes after it is up to the page.
  const goesOn = kind === "channel" && ["loop", "hold"].includes(options.end) ? { end: options.end } : {};
  const whole = (path, query) => writeEmbedOptions(new URL(path, base), query);
  return {
    embed: whole(kind === "channel" ? `embed/channel/${id}` : `embed/${id}`, options),
    liveTs: whole(`${api}/live.ts`, { ...ofPicture, ...goesOn }),
    whep: whole(`${api}/whep`, { ...ofPicture, ...goesOn }),
  };
}

/** Commands that play the transport stream, each `[program, command]`. Quotes keep a shell away from the address. */
export function playCommands(liveTs) {
  return [
    ["ffplay", `ffplay -fflags nobuffer "${liveTs}"`],
    ["mpv", `mpv --profile=low-latency "${liveTs}"`],
    ["VLC", `vlc --network-caching=300 "${liveTs}"`],
    [
      "GStreamer",
      `gst-launch-1.0 souphttpsrc is-live=true location="${liveTs}" ! tsdemux ! h264parse ! avdec_h264 ! videoconvert ! autovideosink`,
    ],
  ];
}
