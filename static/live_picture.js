/**
 * The live picture: one WHEP connection (draft-ietf-wish-whep) that comes back by itself.
 * @module
 */
import { call, Problem } from "./api.js";
import { pause, retryDelaySeconds, spread } from "./backoff.js";
import { iceServersOf } from "./ice_servers.js";
import { onWake } from "./wake.js";

/**
 * @typedef {object} LiveState
 * @property {"connecting" | "live" | "interrupted" | "blocked" | "unsupported" | "closed"} state
 *   "interrupted": there was a picture, its last frame stays; "blocked": the server answers but no packet gets through;
 *   "unsupported": no common codec, nothing is tried again
 * @property {number | null} retryAtMs `Date.now()` of the next try
 * @property {Problem | null} problem why the server refused the last try; status 503: as many watch as it can serve
 * @property {"vp8" | "h264" | null} codec
 * @property {MediaStream | null} stream of the newest connection; it may have no frame yet, so whoever shows it keeps
 *   the last frame of the one before until then
 */

const firstFrameMs = 3000; // no frame within this time: a new POST, the connection may never start (duplicate DTLS flight)
const silentMs = 3000; // no packet within this time: interrupted
const blockedAfter = 3; // tries that were answered and brought no packet
const lookEveryMs = 500;
const choiceNames = ["view", "wait", "previews"]; // of all that an address may ask for, what can be changed later

/**
 * Watches a live picture until `close()`.
 * @param {string} url the WHEP address, with `?view=`
 * @param {(state: LiveState) => void} onChange
 * @param {(event: { id?: string, event: string, data: unknown }) => void} [onEvent] what the server tells on the data
 *   channel of the connection: the session's events, and `playout` of this very picture
 * @returns {{ state: LiveState, choose(choice: object): void, stats(): Promise<RTCStatsReport | null>, retryNow(): void,
 *   close(): void }} `choice` of the server's words, such as `{ view: "growing" }`
 */
export function watchLive(url, onChange, onEvent) {
  const picture = new LivePicture(url, onChange, onEvent);
  picture.run();
  return picture;
}

class LivePicture {
  state = { state: "connecting", retryAtMs: null, problem: null, codec: null, stream: null };
  #url;
  #onChange;
  #onEvent;
  #closed = new AbortController();
  #wake = new AbortController();
  #resource = null;
  /** The connection under way. */
  #peer = null;
  /** Choices are told one after the other. */
  #chosen = Promise.resolve();
  /** The newest connection that had a picture. A browser blackens that when it is closed, so it waits for the next one. */
  #pictured = null;
  #failures = 0;
  #silentTries = 0;
  #hadPicture = false;

  constructor(url, onChange, onEvent) {
    this.#url = new URL(url, document.baseURI);
    this.#onChange = onChange;
    this.#onEvent = onEvent;
    const { signal } = this.#closed;
    addEventListener("pagehide", () => this.#leave(), { signal });
    onWake((reason) => (reason !== "shown" || this.state.state !== "live") && this.retryNow(), signal);
  }

  /**
   * Chooses what is seen, on the connection there is. Where that cannot be, a new one takes over; until it has a picture the
   * old one stays up.
   */
  choose(choice) {
    for (const [name, value] of Object.entries(choice)) this.#url.searchParams.set(name, value);
    this.#chosen = this.#chosen.then(() => this.#resource && this.#tellChoice());
  }

  /** The browser's figures about the connection; null without one. */
  stats() {
    return this.#peer?.getStats() ?? Promise.resolve(null);
  }

  retryNow() {
    this.#wake.abort();
  }

  close() {
    this.#set({ state: "closed", retryAtMs: null });
    this.#closed.abort();
    this.#wake.abort();
    this.#pictured?.close();
    this.#leave();
  }

  async run() {
    while (!this.#closed.signal.aborted) {
      this.#wake = new AbortController();
      const peer = new RTCPeerConnection({ iceServers: await iceServersOf(this.#url) });
      this.#peer = peer;
      try {
        await this.#join(peer);
        await this.#watch(peer);
      } catch (error) {
        if (error instanceof Problem && error.status === 406) {
          return this.#set({ state: "unsupported", retryAtMs: null });
        }
        if (!(error instanceof Problem) && !this.#wake.signal.aborted) throw error;
        if (error instanceof Problem) {
          this.#silentTries = 0;
          this.#set({ problem: error });
        }
      } finally {
        if (this.#pictured !== peer || this.#closed.signal.aborted) peer.close();
        this.#leave();
      }
      if (!this.#wake.signal.aborted) await this.#waitBeforeNextTry();
    }
  }

  /** Offer and answer. The offer goes out at once: the server learns this side's address from its checks. */
  async #join(peer) {
    peer.addTransceiver("video", { direction: "recvonly" });
    if (this.#onEvent) this.#listen(peer.createDataChannel("events"));
    // The answer names no stream, so the track gets one of its own.
    peer.ontrack = ({ track }) => this.#set({ stream: new MediaStream([track]) });
    await peer.setLocalDescription(await peer.createOffer());
    const { href } = this.#url;
    const response = await call(href, {
      method: "POST",
      headers: { "content-type": "application/sdp", accept: "application/sdp" },
      body: peer.localDescription.sdp,
      signal: this.#wake.signal,
    });
    const location = response.headers.get("location");
    this.#resource = location ? new URL(location, href).href : null;
    if (this.#url.href !== href) this.choose({}); // chosen in the meantime
    const sdp = await response.text();
    await peer.setRemoteDescription({ type: "answer", sdp });
    this.#set({ codec: codecOf(sdp), problem: null });
  }

  async #tellChoice() {
    const asked = [...this.#url.searchParams].filter(([name]) => choiceNames.includes(name));
    const body = JSON.stringify(Object.fromEntries(asked));
    const headers = { "content-type": "application/json" };
    try {
      await call(`${this.#resource}/view`, { method: "PUT", headers, body, signal: this.#closed.signal });
    } catch {
      this.retryNow();
    }
  }

  #listen(channel) {
    channel.onmessage = ({ data }) => this.#closed.signal.aborted || this.#onEvent(JSON.parse(data));
  }

  /** Returns when nothing comes any more. Packets are counted, because a hidden page may decode no frames. */
  async #watch(peer) {
    let packets = 0;
    let heardMs = performance.now();
    const joinedMs = heardMs;
    while (!this.#wake.signal.aborted) {
      await pause(lookEveryMs / 1000, this.#wake.signal);
      const received = await receivedBy(peer);
      if (received.packets > packets) heardMs = performance.now();
      packets = received.packets;
      if (received.frames > 0 || (document.hidden && received.packets > 0)) this.#isLive(peer);
      else if (performance.now() - joinedMs > firstFrameMs) break;
      if (performance.now() - heardMs > silentMs || peer.connectionState === "failed") break;
    }
    if (packets === 0) this.#silentTries++;
  }

  #isLive(peer) {
    if (this.#pictured !== peer) this.#pictured?.close();
    this.#pictured = peer;
    this.#hadPicture = true;
    this.#failures = 0;
    this.#silentTries = 0;
    if (this.state.state !== "live") this.#set({ state: "live", retryAtMs: null });
  }

  async #waitBeforeNextTry() {
    this.#failures++;
    const seconds = Math.max(
      spread(retryDelaySeconds(this.#failures)),
      this.state.problem?.retryAfterSeconds ?? 0,
    );
    const state = this.#silentTries >= blockedAfter ? "blocked" : this.#hadPicture ? "interrupted" : "connecting";
    this.#set({ state, retryAtMs: Date.now() + seconds * 1000 });
    await pause(seconds, this.#wake.signal);
  }

  /** Tells the server that this viewer has gone; works while the page is being left, too. */
  #leave() {
    if (this.#resource) fetch(this.#resource, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#resource = null;
  }

  #set(change) {
    if (this.state.state === "closed") return;
    this.state = { ...this.state, ...change };
    this.#onChange(this.state);
  }
}

async function receivedBy(peer) {
  for (const report of (await peer.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") {
      return { packets: report.packetsReceived ?? 0, frames: report.framesDecoded ?? 0 };
    }
  }
  return { packets: 0, frames: 0 };
}

/** The codec the answer settled on: the first payload type of its video line (RFC 8866 section 6.6). */
export function codecOf(sdp) {
  const payloadType = /^m=video \d+ \S+ (\d+)/m.exec(sdp)?.[1];
  const name = new RegExp(`^a=rtpmap:${payloadType} ([^/]+)/`, "m").exec(sdp)?.[1]?.toLowerCase();
  return name === "vp8" || name === "h264" ? name : null;
}
