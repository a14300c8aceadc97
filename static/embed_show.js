/**
 * What the OBS page shows when: one connection to the server, its picture, and what it tells. Never gives up.
 * @module
 */
import { getSession, Problem, sessionPath } from "./api.js";
import { pause, retryDelaySeconds, spread } from "./backoff.js";
import { endOf, hasEnded, sceneFor } from "./embed_scene.js";
import { watchLive } from "./live_picture.js";
import { playoutAtTimestamp } from "./playout.js";
import { emptyState, foldEvent } from "./session_feed.js";
import { hasPictures } from "./words.js";

const goneAfterSeconds = 57; // a connection counts as interrupted after 3 s without a packet
const untoldSeconds = 1;
const fadeSeconds = 0.3;
const segmentsKept = 64;
const viewsKept = 4;
const missingStatuses = [400, 404, 410, 422];
const never = new AbortController().signal;

/**
 * Shows an address for as long as the page lives.
 * @param {{ kind: "session" | "channel", name: string }} address
 * @param {{ options: object, picture: object, message: object }} scene of `readEmbedOptions`, `EmbedPicture`, `createMessage`
 */
export function showAddress(address, scene) {
  new Show(address, scene).begin();
}

class Show {
  #address;
  #scene;
  /** @type {import("./embed_scene.js").Facts} */
  #facts;
  #live = null;
  #triedAtMs = null;
  #interruption = null;
  /** The newest connection's, whether it has brought a frame, and what it told of its picture. */
  #stream = null;
  #hasFrame = false;
  #segments = [];
  #onScreen = null;
  #fileState = "none";
  /** Sessions that were heard of, the newest first; which of them the connection tells of, and which is on. */
  #views = [];
  #toldId = null;
  #shownId = null;

  constructor(address, scene) {
    this.#address = address;
    this.#scene = scene;
    const { kind } = address;
    this.#facts = { kind, address: "there", view: null, pictured: null, live: "nothing", line: "up", file: "none" };
  }

  async begin() {
    this.#set({});
    await this.#ask();
    const { view } = this.#facts;
    if (this.#fileState === "none" && (!hasEnded(view) || hasPictures(view))) this.#watch();
  }

  #set(changes) {
    const view = this.#viewOf(this.#toldId) ?? this.#viewOf(this.#shownId);
    const pictured = this.#address.kind === "session" ? view : this.#viewOf(this.#onScreen?.video);
    Object.assign(this.#facts, { view, pictured }, changes);
    const { options, picture, message } = this.#scene;
    const scene = sceneFor(this.#facts, options);
    picture.setLiveFormat(pictured?.plan ?? null);
    picture.show(scene.picture);
    message.show(scene);
  }

  #viewOf(id) {
    return this.#views.find((view) => view.id === id) ?? null;
  }

  /** Asks for the session when no connection tells of it: it may have ended, and then its file is there. */
  async #ask() {
    if (this.#address.kind === "channel") return;
    try {
      const view = await getSession(this.#address.name);
      this.#shownId = view.id;
      this.#know(view);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#refused(error);
    }
  }

  #refused({ status }) {
    if (missingStatuses.includes(status)) this.#set({ address: "missing" });
  }

  #know(view) {
    this.#views = [view, ...this.#views.filter(({ id }) => id !== view.id)].slice(0, viewsKept);
    this.#set({ address: "there" });
    if (this.#address.kind !== "session" || !hasEnded(view)) return;
    if (view.video) this.#playFile(view);
    else if (!hasPictures(view)) this.#leaveLive();
  }

  #watch() {
    this.#live = watchLive(this.#whepUrl(), (live) => this.#liveChanged(live), (event) => this.#heard(event));
  }

  #whepUrl() {
    const { kind, name } = this.#address;
    const { view, wait, previews, end } = this.#scene.options;
    const goesOn = kind === "channel" && (end === "loop" || end === "hold") ? end : undefined;
    const given = Object.entries({ view, wait, previews, end: goesOn }).filter(([, value]) => value !== undefined);
    const path = kind === "session" ? sessionPath(name) : channelPath(name);
    return `${path}/whep?${new URLSearchParams(given)}`;
  }

  #liveChanged({ state, stream, retryAtMs, problem }) {
    if (stream && stream !== this.#stream) this.#takeStream(stream);
    if (problem) this.#refused(problem);
    if (retryAtMs !== null && retryAtMs !== this.#triedAtMs) this.#ask();
    this.#triedAtMs = retryAtMs;
    if (state === "interrupted" || state === "blocked") this.#interrupted();
    else this.#lineIs(state === "unsupported" ? "impossible" : "up");
    if (state === "live") this.#set({ address: "there" });
  }

  #lineIs(line) {
    this.#interruption?.abort();
    this.#interruption = null;
    this.#set({ line });
  }

  /** The last frame stays; more words come when it lasts. */
  async #interrupted() {
    if (this.#interruption) return;
    const { signal } = this.#interruption = new AbortController();
    this.#set({ line: "interrupted" });
    await pause(goneAfterSeconds, signal);
    if (!signal.aborted) this.#set({ line: "gone" });
  }

  /** A new connection: the frame that is up stays until its first picture. */
  #takeStream(stream) {
    this.#keepFrame();
    this.#stream = stream;
    this.#hasFrame = false;
    this.#segments = [];
    this.#onScreen = null;
    this.#toldId = null;
    this.#scene.picture.followLive(stream, ({ rtpTimestamp }) => {
      if (!this.#hasFrame) this.#bringUpUntold(undefined);
      this.#hasFrame = true;
      const segment = playoutAtTimestamp(this.#segments, rtpTimestamp);
      if (segment) this.#bringUp(segment);
    });
  }

  #keepFrame() {
    if (this.#facts.live !== "frames" && this.#facts.live !== "gap") return;
    this.#scene.picture.keepFrame();
    this.#set({ live: "last" });
  }

  /** An event of a session, or of the channel; `playout` without an id is what this very picture shows from now on. */
  #heard({ id, event, data }) {
    if (event === "playout") return id === undefined && this.#expect(data);
    if (event === "channel") return this.#channelShows(data.session);
    if (event === "state") this.#toldId = data.id;
    const view = this.#viewOf(this.#toldId);
    if (view || event === "state") this.#know(foldEvent({ ...emptyState, view }, event, data).view);
  }

  /** A channel tells of the session being made; another one that it shows has to be asked for. */
  async #channelShows(session) {
    this.#shownId = session?.id ?? null;
    this.#set({});
    const view = this.#viewOf(this.#shownId);
    if (!session || session.id === this.#toldId || hasEnded(view)) return;
    const asked = await getSession(session.id).catch(() => null); // deleted meanwhile: the next change tells of another
    if (asked) this.#know(asked);
  }

  /** Another video may have another size; the frame before it covers the change. */
  #expect(segment) {
    this.#segments = [...this.#segments, segment].slice(-segmentsKept);
    if (this.#onScreen && this.#onScreen.video !== segment.video && segment.shows !== "slate") this.#keepFrame();
    this.#bringUpUntold(segment);
  }

  #bringUp(segment) {
    const isPassing = this.#facts.live === "last" && segment.video !== this.#segments.at(-1)?.video;
    if (segment === this.#onScreen || isPassing) return;
    this.#onScreen = segment;
    const isSlate = segment.shows === "slate";
    this.#set({ live: !isSlate ? "frames" : segment.start < segment.end ? "gap" : "slate" });
  }

  /** After a second a picture is shown although nobody told what it is, or the browser does not tell its timestamp. */
  async #bringUpUntold(segment) {
    const stream = this.#stream;
    await pause(untoldSeconds, never);
    if (stream !== this.#stream || !this.#hasFrame || this.#segments.at(-1) !== segment) return;
    if (segment) this.#bringUp(segment);
    else this.#set({ live: "frames" });
  }

  /** The live picture plays on until the file has one, as the options want it. */
  async #playFile(view) {
    if (this.#fileState !== "none") return;
    this.#fileState = "loading";
    const end = endOf("session", this.#scene.options);
    if (end === "slate" || end === "none") return this.#leaveLive();
    for (let failures = 1; this.#facts.file !== "playing"; failures++) {
      try {
        await this.#scene.picture.playFile(view.links.video, end, view.plan);
        this.#set({ file: "playing" });
      } catch {
        if (!this.#live) this.#watch();
        await pause(spread(retryDelaySeconds(failures)), never);
      }
    }
    this.#scene.picture.onceFileBreaks(() => this.#fileBroke(view));
    await pause(fadeSeconds, never); // a browser blackens the picture of a connection that is closed
    this.#leaveLive();
  }

  /** The server was away when more of the file was needed: it is played anew, and until then the live picture. */
  #fileBroke(view) {
    this.#fileState = "none";
    this.#set({ file: "none", live: "nothing" });
    this.#playFile(view);
  }

  #leaveLive() {
    this.#live?.close();
    this.#live = null;
  }
}

const channelPath = (name) => `api/channels/${encodeURIComponent(name)}`;
