/**
 * One generation somebody asked for, from the queue to the file.
 * @module
 */
import { type GenerationRequest, isEngineLost, type ResumePoint } from "../engine/mod.ts";
import type { FrameRange } from "../video.ts";
import type { Device, EngineOnDevice } from "./device.ts";
import { StopRequested } from "./errors.ts";
import type { EndState } from "./figures.ts";
import { EventLog, type NewSessionEvent } from "./event_log.ts";
import { endedMap, keptRange } from "./frame_map.ts";
import {
  advance,
  assertSamePlan,
  endFacts,
  enterPhase,
  type GenerationFacts,
  initialFacts,
  restingFacts,
  resumedFacts,
  timingsOf,
  unfinishedSection,
  waitingSeconds,
} from "./generation_facts.ts";
import { viewOf } from "./session_view.ts";
import type { SessionOrder } from "./order.ts";
import { generationProblem, type Problem } from "./problem.ts";
import { forgetPoints, keepPoint, takePoint } from "./resume_points.ts";
import type { EarlierSession, SessionSurroundings } from "./surroundings.ts";
import { writeVideo } from "./video_file.ts";
import type { SessionState, SessionView } from "./view.ts";

/** `queued ⇄ running → completed | stopped | failed`, back when its engine is lost. The end state is the log's last entry. */
export class Session {
  readonly log: EventLog;
  readonly #order: SessionOrder;
  readonly #around: SessionSurroundings;
  readonly #stop = new AbortController();
  readonly #firstPicture = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #state: SessionState = "queued";
  #facts: GenerationFacts;
  #video: SessionView["video"] = null;
  #problem: Problem | undefined;
  #recording: Promise<void> | undefined;
  #point: ResumePoint | undefined;
  /** What it is or was made on; undefined before that. */
  #device: Device | undefined;

  constructor(order: SessionOrder, around: SessionSurroundings, { log = new EventLog(), made }: EarlierSession = {}) {
    this.#order = order;
    this.#around = around;
    const { plan, settings: { steps } } = order;
    this.#facts = made ? resumedFacts(plan, steps, made.view) : initialFacts(plan, steps);
    this.#point = made?.point;
    this.log = log;
    this.#followPlayout();
  }

  get id(): string {
    return this.#order.id;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Where an engine goes on; undefined from the beginning. */
  get point(): ResumePoint | undefined {
    return this.#point;
  }

  /** Resolves when there is something to be seen, if ever. */
  get firstPicture(): Promise<void> {
    return this.#firstPicture.promise;
  }

  /** Resolves in the end state. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  view(): SessionView {
    return viewOf(this.#order, this.#facts, {
      state: this.#state,
      queue: this.#state === "queued" ? this.#around.queue() : undefined,
      timings: timingsOf(this.#facts, this.#measured(), this.#around.now()),
      viewers: this.#around.pictures.live.viewers,
      video: this.#video,
      problem: this.#problem,
    });
  }

  /** Until the engine is free of it; null while unknown. */
  remainingSeconds(): number | null {
    if (this.#state === "running") return timingsOf(this.#facts, this.#measured(), this.#around.now()).remainingSeconds;
    const pace = this.#measured();
    return pace && waitingSeconds(this.#facts, pace, this.#around.models.decode);
  }

  /** Puts the whole view into the log, and into the store. */
  announce(): void {
    const view = this.view();
    this.#append({ event: "state", data: view });
    this.#around.store.save(view);
  }

  /** The model is being made ready while this session waits. */
  showLoading(sentence: string | null): void {
    this.#facts = sentence === null ? enterPhase(this.#facts, "waiting") : enterPhase(this.#facts, "loading", sentence);
    this.#tellProgress();
  }

  /**
   * Makes the video. Resolves when the engine is free again; the file is finished after that, see `ended`. Never rejects:
   * whatever goes wrong is this session's problem, and is returned.
   */
  async generate({ engine, device }: EngineOnDevice, request: GenerationRequest): Promise<unknown> {
    if (this.#state !== "queued" || this.#stop.signal.aborted) return; // stopped at the last moment
    this.#device = device;
    this.#point = undefined; // the request has it
    this.#facts = { ...this.#facts, startedAtMs: this.#facts.startedAtMs ?? this.#around.now() };
    this.#state = "running";
    this.announce();
    this.#around.log.info("session.started", { id: this.id, device: device.name });
    let error: unknown;
    try {
      await this.#consume({ engine, device }, request);
    } catch (cause) {
      error = cause;
    }
    if (isEngineLost(error) && await this.#waitAgain()) return error;
    void this.#finish(error).catch((cause) => this.#break(cause));
    return error;
  }

  /** A lost engine took the section in work with it, and no more. Once for each section: it may have been its fault. */
  async #waitAgain(): Promise<boolean> {
    const point = await takePoint(this.#order.folder, this.#facts.sections.length);
    if (point === null || this.#stop.signal.aborted) return false;
    this.#point = point;
    this.#facts = restingFacts(this.#facts);
    this.#state = "queued";
    this.#around.log.warn("session.waitsAgain", { id: this.id, section: point.section + 1 });
    this.announce();
    return true;
  }

  /** Ends early. What is made is kept as a file. Resolves in the end state. */
  async stop(): Promise<void> {
    this.#stop.abort(new StopRequested("The session was stopped"));
    if (this.#state === "queued") await this.#leaveQueue();
    await this.ended;
  }

  /** Frames are kept and there is no file: the disk was full. */
  get isUnrecorded(): boolean {
    return this.#video === null && keptRange(this.#facts.frameMap) !== null;
  }

  /**
   * Writes the file of a session that has ended without one, if there is room now. The state stays `failed`, and so does
   * the log: its last entry is the end state.
   * @throws `RecordingError`
   */
  recordAgain(): Promise<void> {
    return this.#recording ??= this.#recordKept().finally(() => this.#recording = undefined);
  }

  /** It will never run: a model or a picture that was there when it was asked for is gone. */
  fail(error: unknown): void {
    if (this.#state !== "queued" || this.#stop.signal.aborted) return; // stopped at the last moment
    const kept = keptRange(this.#facts.frameMap);
    this.#problem = generationProblem(error, unfinishedSection(this.#facts), this.#seconds(kept));
    void this.#leaveQueue();
  }

  /** It ends before it has run, or before it has gone on: what was made until then is kept. */
  async #leaveQueue(): Promise<void> {
    if (keptRange(this.#facts.frameMap)) return await this.#finish(undefined).catch((cause) => this.#break(cause));
    this.#around.pictures.end(null);
    this.#end(this.#problem ? "failed" : "stopped", null);
  }

  async #consume({ engine, device }: EngineOnDevice, request: GenerationRequest): Promise<void> {
    const { signal } = this.#stop;
    for await (const event of engine.generate(request, signal)) {
      await this.#around.pictures.follow(event);
      if (event.kind === "resumePoint") await keepPoint(this.#order, event.point, this.#around.log);
      if (event.kind === "preview" || event.kind === "frames") this.#firstPicture.resolve();
      const before = this.#facts;
      this.#facts = advance(before, event, this.#around.now());
      if (event.kind === "device") device.learn(event);
      if (event.kind === "plan") {
        assertSamePlan(this.#order.plan, event.plan);
        device.decode = event.decode;
        this.announce();
      }
      if (event.kind !== "plan" && this.#facts.frameMap !== before.frameMap) this.#tellFrameMap();
      if (!["device", "plan", "preview", "frames", "resumePoint"].includes(event.kind)) this.#tellProgress();
      if (event.kind === "sectionDone") this.#keepMeasurements(device);
    }
    signal.throwIfAborted();
  }

  #keepMeasurements(device: Device): void {
    const view = this.view();
    this.#around.store.save(view);
    this.#around.models.remember(view, device);
    this.#around.figures.sectionDone(view.timings);
  }

  async #finish(error: unknown): Promise<void> {
    const isStop = this.#stop.signal.aborted;
    const kept = keptRange(this.#facts.frameMap);
    this.#around.pictures.end(kept);
    this.#facts = { ...enterPhase(this.#facts, "recording"), frameMap: endedMap(this.#facts.frameMap, kept) };
    this.#tellFrameMap();
    this.#tellProgress();
    const section = unfinishedSection(this.#facts);
    if (error !== undefined && !isStop) this.#problem = generationProblem(error, section, this.#seconds(kept));
    try {
      if (kept !== null) await this.#record(kept);
    } catch (recordingError) {
      this.#around.log.error("recording.failed", { id: this.id, error: recordingError });
      this.#problem ??= generationProblem(recordingError, section, this.#seconds(kept));
    }
    if (error !== undefined && !isStop) this.#around.log.error("session.failed", { id: this.id, error });
    await forgetPoints(this.#order.folder);
    this.#end(this.#problem ? "failed" : isStop && !this.#isWhole(kept) ? "stopped" : "completed", kept);
  }

  /** Nothing should come here; if something does, the session still ends. */
  #break(error: unknown): void {
    this.#around.log.error("session.broken", { id: this.id, error });
    this.#problem ??= generationProblem(error, unfinishedSection(this.#facts), 0);
    this.#end("failed", null);
  }

  async #recordKept(): Promise<void> {
    const kept = keptRange(this.#facts.frameMap);
    if (kept === null || this.#video !== null) return;
    await this.#record(kept);
    this.#around.store.save(this.view());
    this.#around.log.info("recording.made", { id: this.id });
  }

  async #record(range: FrameRange): Promise<void> {
    const { pictures: { store: frames }, tools, log } = this.#around;
    this.#video = await writeVideo(this.#order, range, { frames, tools, log });
  }

  #end(state: EndState, kept: FrameRange | null): void {
    if (this.#state !== "queued" && this.#state !== "running") return;
    this.#state = state;
    const completeness = state === "completed" ? "whole" : "part";
    this.#facts = endFacts(this.#facts, endedMap(this.#facts.frameMap, kept), completeness, this.#around.now());
    this.#around.figures.ended(state);
    if (this.#problem) this.#append({ event: "problem", data: this.#problem });
    this.announce();
    this.log.end();
    this.#around.log.info("session.ended", { id: this.id, state, frames: this.#video?.frames ?? 0 });
    this.#ended.resolve();
  }

  /** Only until the end: the log has an end, while a finished video may be watched for ever. */
  async #followPlayout(): Promise<void> {
    for await (const data of this.#around.pictures.live.playout()) {
      if (this.#state !== "queued" && this.#state !== "running") return;
      this.#append({ event: "playout", data });
    }
  }

  #tellProgress(): void {
    const { progress } = this.#facts;
    const timings = timingsOf(this.#facts, this.#measured(), this.#around.now());
    this.#append({ event: "progress", data: { progress, timings } });
  }

  #tellFrameMap(): void {
    this.#append({ event: "frameMap", data: { frameMap: [...this.#facts.frameMap] } });
  }

  #append(event: NewSessionEvent): void {
    this.#around.store.appendEvent(this.id, this.log.append(event));
  }

  #measured() {
    return this.#around.models.measured(this.#order.settings, this.#device);
  }

  #isWhole(kept: FrameRange | null): boolean {
    return kept !== null && kept.start === 0 && kept.end === this.#order.plan.frames;
  }

  #seconds(kept: FrameRange | null): number {
    return kept === null ? 0 : (kept.end - kept.start) / this.#order.plan.format.frameRate;
  }
}
