/**
 * How far a pull is, for people: bars on a terminal, lines in a log.
 * @module
 */
// @ts-types="npm:@types/cli-progress@3.11.6"
import { MultiBar, type SingleBar } from "cli-progress";
import { gigabytes } from "./disk.ts";
import type { DownloadEvent } from "./download.ts";
import type { FetchedFile, PullEvent } from "./pull.ts";

/** What has been heard so far, for people. */
abstract class View {
  readonly #present = new Map<string, number>();
  #totalBytes = 0;

  get presentBytes(): number {
    return [...this.#present.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  show(event: PullEvent): void {
    if (event.kind === "planned") {
      for (const { name, presentBytes } of event.files) this.#present.set(name, presentBytes);
      this.#totalBytes = event.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      this.planned(event.files);
    } else if (event.kind === "unasked") {
      this.say(`${event.why}; the cache has every file`);
    } else if (event.kind === "ready") {
      this.end();
    } else {
      if (event.event.kind === "received") this.#present.set(event.file.name, event.event.presentBytes);
      this.file(event.file, event.event);
    }
  }

  abstract planned(files: readonly FetchedFile[]): void;
  abstract file(file: FetchedFile, event: DownloadEvent): void;
  abstract say(line: string): void;
  abstract end(): void;
}

/** One bar for each file on its way and one for all. */
export class Bars extends View {
  readonly #bars = new MultiBar({
    format: "{bar} {percentage}% | {amount} | {what}",
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  readonly #files = new Map<string, SingleBar>();
  #total: SingleBar | undefined;

  override planned(): void {
    if (this.totalBytes > 0) this.#total = this.#bars.create(this.totalBytes, this.presentBytes, this.#payload());
  }

  override file({ name, sizeBytes, presentBytes }: FetchedFile, event: DownloadEvent): void {
    const bar = this.#files.get(name) ?? this.#bars.create(sizeBytes, presentBytes, { amount: "", what: name });
    this.#files.set(name, bar);
    if (event.kind !== "received") return bar.update({ what: `${name}: ${wordsOf(event)}` });
    bar.update(event.presentBytes, {
      amount: `${gigabytes(event.presentBytes)} of ${gigabytes(sizeBytes)}`,
      what: name,
    });
    this.#total?.update(this.presentBytes, this.#payload());
    if (event.presentBytes === sizeBytes) this.#bars.remove(bar);
  }

  override say(line: string): void {
    this.#bars.log(`${line}\n`);
  }

  override end(): void {
    this.#bars.stop();
  }

  #payload() {
    return { amount: `${gigabytes(this.presentBytes)} of ${gigabytes(this.totalBytes)}`, what: "all files" };
  }
}

/** For logs: a line when a file begins, waits or is whole. */
export class Lines extends View {
  readonly #begun = new Set<string>();

  constructor(override readonly say: (line: string) => void) {
    super();
  }

  override planned(files: readonly FetchedFile[]): void {
    if (files.length === 0) return;
    this.say(`${files.length} files, ${gigabytes(this.totalBytes)}, of which ${gigabytes(this.presentBytes)} are here`);
  }

  override file({ name, sizeBytes, presentBytes }: FetchedFile, event: DownloadEvent): void {
    if (event.kind !== "received") return this.say(`${name}: ${wordsOf(event)}`);
    if (!this.#begun.has(name)) this.say(`${name}: ${gigabytes(sizeBytes)}${goesOn(presentBytes)}`);
    this.#begun.add(name);
    if (event.presentBytes < sizeBytes) return;
    this.say(`${name}: done, ${gigabytes(this.presentBytes)} of ${gigabytes(this.totalBytes)} are here`);
  }

  override end(): void {}
}

const goesOn = (bytes: number) => bytes > 0 ? `, going on from ${gigabytes(bytes)}` : "";

function wordsOf(event: Exclude<DownloadEvent, { kind: "received" }>): string {
  if (event.kind === "waiting") return "another program is fetching it, waiting";
  if (event.kind === "checking") return "checking what is here";
  return `${event.why}; trying again in ${Math.ceil(event.waitMs / 1000)} s`;
}
