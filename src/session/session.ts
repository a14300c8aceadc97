/**
 * One generation somebody asked for, from the queue to the file.
 * @module
 */
import { type GenerationEvent, type GenerationRequest, isEngineLost, type ResumePoint } from "../engine/mod.ts";
import type { FrameRange } from "../video.ts";
import type { Device, EngineOnDevice } from "./device.ts";
import { Refusal, StopRequested } from "./errors.ts";
import type { EndState } from "./figures.ts";
import { EventLog } from "./event_log.ts";
import { endedMap, isWhole, keptRange, keptSeconds } from "./frame_map.ts";
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
import { SessionNews } from "./session_news.ts";
import { viewOf } from "./session_view.ts";
import { promptsOf, type SessionOrder, withPrompt } from "./order.ts";
import { generationProblem, type Problem } from "./problem.ts";
import { forgetPoints, keepPoint, readPoint, takePoint } from "./resume_points.ts";
import { generateInTurns } from "./steering.ts";
import type { EarlierSession, SessionSurroundings } from "./surroundings.ts";
import { SessionFile } from "./video_file.ts";
import type { SessionState, SessionView } from "./view.ts";

/** `queued ⇄ running → completed | stopped | failed`, back when its engine is lost. The end state is the log's last entry. */
export class Session {
  readonly log: EventLog;
  readonly #news: SessionNews;
  readonly #file: SessionFile;
  #order: SessionOrder;
  readonly #around: SessionSurroundings;
  readonly #stop = new AbortController();
  readonly #firstPicture = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #state: SessionState = "queued";
  #facts: GenerationFacts;
  #problem: Problem | undefined;
  #point: ResumePoint | undefined;
  /** Asked for, while the section in work is finished. */
  #nextPrompt: string | undefined;
  /** What it is or was made on; undefined before that. */
  #device: Device | undefined;

  constructor(order: SessionOrder, around: SessionSurroundings, { log = new EventLog(), made }: EarlierSession = {}) {
    this.#order = order;
    this.#around = around;
    this.#facts = made ? resumedFacts(order, made.view) : initialFacts(order.plan, order.settings.steps);
    this.#point = made?.point;
    this.log = log;
    this.#file = new SessionFile(around);
    this.#news = new SessionNews(order.id, log, around.store);
    void this.#news.followPlayout(around.pictures.live);
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
      video: this.#file.made,
      problem: this.#problem,
      nextPrompt: this.#nextPrompt,
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
    this.#news.state(this.view());
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
      await generateInTurns(engine, request, {
        stop: this.#stop.signal,
        take: (event) => this.#take(event, device),
        turned: (request) => this.#turned(request),
      });
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
    this.#changePrompt();
    this.#state = "queued";
    this.#around.log.warn("session.waitsAgain", { id: this.id, section: point.section + 1 });
    this.announce();
    return true;
  }

  /** Another prompt for what is not in work yet. @throws `Refusal` when nothing is left */
  steer(prompt: string): void {
    const left = this.#order.plan.sections.length - this.#facts.sections.length - (this.#state === "running" ? 1 : 0);
    if (left <= 0) throw new Refusal("nothing-left", "The last section is in work already");
    this.#nextPrompt = prompt;
    if (this.#state === "queued") this.#changePrompt();
    this.announce();
  }

  /** Ends early. What is made is kept as a file. Resolves in the end state. */
  async stop(): Promise<void> {
    this.#stop.abort(new StopRequested("The session was stopped"));
    if (this.#state === "queued") await this.#leaveQueue();
    await this.ended;
  }

  /** Frames are kept and there is no file: the disk was full. */
  get isUnrecorded(): boolean {
    return this.#file.made === null && keptRange(this.#facts.frameMap) !== null;
  }

  /**
   * Writes the file of a session that has ended without one, if there is room now. The state stays `failed`, and so does
   * the log: its last entry is the end state.
   * @throws `RecordingError`
   */
  recordAgain(): Promise<void> {
    return this.#file.writeLate(this.#order, keptRange(this.#facts.frameMap), () => {
      this.#around.store.save(this.view());
      this.#around.log.info("recording.made", { id: this.id });
    });
  }

  /** It will never run: a model or a picture that was there when it was asked for is gone. */
  fail(error: unknown): void {
    if (this.#state !== "queued" || this.#stop.signal.aborted) return; // stopped at the last moment
    const kept = keptSeconds(keptRange(this.#facts.frameMap), this.#order.plan);
    this.#problem = generationProblem(error, unfinishedSection(this.#facts), kept);
    void this.#leaveQueue();
  }

  /** It ends before it has run, or before it has gone on: what was made until then is kept. */
  async #leaveQueue(): Promise<void> {
    if (keptRange(this.#facts.frameMap)) return await this.#finish(undefined).catch((cause) => this.#break(cause));
    this.#around.pictures.end(null);
    this.#end(this.#problem ? "failed" : "stopped", null);
  }

  async #take(event: GenerationEvent, device: Device): Promise<void> {
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
    if (event.kind !== "plan" && this.#facts.frameMap !== before.frameMap) this.#news.frameMap(this.#facts);
    if (!["device", "plan", "preview", "frames", "resumePoint"].includes(event.kind)) this.#tellProgress();
    if (event.kind === "sectionDone") this.#keepMeasurements(device);
  }

  /** The request that goes on under the next prompt; null where none was asked for. */
  async #turned(request: GenerationRequest): Promise<GenerationRequest | null> {
    const made = this.#facts.sections.length;
    if (this.#nextPrompt === undefined) return null;
    const resume = await readPoint(this.#order.folder, made);
    if (resume === null) return null; // the disk is full, as the log tells: the next section may have a point
    this.#changePrompt();
    this.#around.log.info("session.steered", { id: this.id, section: made + 1 });
    this.announce();
    return { ...request, settings: { ...request.settings, ...promptsOf(this.#order) }, resume };
  }

  /** Of all that is not made. */
  #changePrompt(): void {
    if (this.#nextPrompt === undefined) return;
    this.#order = withPrompt(this.#nextPrompt, this.#order, this.#facts.sections.length);
    this.#facts = restingFacts(this.#facts);
    this.#nextPrompt = undefined;
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
    this.#news.frameMap(this.#facts);
    this.#tellProgress();
    const section = unfinishedSection(this.#facts);
    if (error !== undefined && !isStop) {
      this.#around.log.error("session.failed", { id: this.id, error });
      this.#problem = generationProblem(error, section, keptSeconds(kept, this.#order.plan));
    }
    try {
      if (kept !== null) await this.#file.write(this.#order, kept);
    } catch (recordingError) {
      this.#around.log.error("recording.failed", { id: this.id, error: recordingError });
      this.#problem ??= generationProblem(recordingError, section, keptSeconds(kept, this.#order.plan));
    }
    await forgetPoints(this.#order.folder);
    this.#end(this.#problem ? "failed" : isStop && !isWhole(kept, this.#order.plan) ? "stopped" : "completed", kept);
  }

  /** Nothing should come here; if something does, the session still ends. */
  #break(error: unknown): void {
    this.#around.log.error("session.broken", { id: this.id, error });
    this.#problem ??= generationProblem(error, unfinishedSection(this.#facts), 0);
    this.#end("failed", null);
  }

  #end(state: EndState, kept: FrameRange | null): void {
    if (this.#state !== "queued" && this.#state !== "running") return;
    this.#state = state;
    this.#nextPrompt = undefined;
    const completeness = state === "completed" ? "whole" : "part";
    this.#facts = endFacts(this.#facts, endedMap(this.#facts.frameMap, kept), completeness, this.#around.now());
    this.#around.figures.ended(state);
    if (this.#problem) this.#news.problem(this.#problem);
    this.announce();
    this.log.end();
    this.#around.log.info("session.ended", { id: this.id, state, frames: this.#file.made?.frames ?? 0 });
    this.#ended.resolve();
  }

  #tellProgress(): void {
    this.#news.progress(this.#facts, timingsOf(this.#facts, this.#measured(), this.#around.now()));
  }

  #measured() {
    return this.#around.models.measured(this.#order.settings, this.#device);
  }
}
