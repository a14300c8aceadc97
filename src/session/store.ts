/**
 * What outlives the server: sessions, their event logs, and how fast this machine is. The only user of SQLite.
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { Pace } from "./generation_facts.ts";
import { isDiskFull } from "./problem.ts";
import { migrations, pragmas } from "./store_schema.ts";
import {
  type SessionEvent,
  sessionEvent,
  type SessionState,
  sessionStates,
  type SessionView,
  sessionView,
} from "./view.ts";

/** Bytes of the start picture lie in the session's folder; this is their media type. */
export interface StoredSession {
  readonly view: SessionView;
  readonly imageType: string;
}

/** Pace at one size. */
export interface Measurement extends Pace {
  readonly widthPx: number;
  readonly heightPx: number;
}

type Value = string | number | null;
type Row = Record<string, Value>;

/** The store cannot be used. The message says why. */
export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
}

/** Changes of a session that are not on disk yet. */
interface Late {
  view: SessionView | null;
  readonly events: SessionEvent[];
}

/**
 * A full disk does not stop a session that runs: its changes stay in memory, are read from there, and are written with the
 * first later change that finds room. Only a new session has to find room at once.
 */
export class SessionStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #late = new Map<string, Late>();

  /**
   * @param file `:memory:` keeps nothing
   * @param pagesMax room in pages of 4 KiB, to act as on a full disk
   * @throws `StoreOpenError`, also when another server has it open or a newer framecast has written it
   */
  constructor(file: string, { pagesMax }: { readonly pagesMax?: number } = {}) {
    try {
      this.#database = new DatabaseSync(file);
    } catch (cause) {
      throw openError(file, cause);
    }
    try {
      this.#database.exec(pragmas);
      this.#migrate();
      if (pagesMax) this.#database.exec(`PRAGMA max_page_count = ${pagesMax}`);
    } catch (cause) {
      this.#database.close();
      throw openError(file, cause);
    }
  }

  /** @throws when the disk is full */
  add({ view, imageType }: StoredSession): void {
    this.#run("INSERT INTO sessions (id, state, channel, image_type, view) VALUES (?, ?, ?, ?, ?)", [
      view.id,
      view.state,
      view.channel,
      imageType,
      JSON.stringify(view),
    ]);
  }

  save(view: SessionView): void {
    this.#lateOf(view.id).view = view;
    this.#catchUp();
  }

  get(id: string): StoredSession | null {
    return this.#sessions("SELECT * FROM sessions WHERE id = ?", [id])[0] ?? null;
  }

  /** Newest first. */
  list(): StoredSession[] {
    return this.#sessions("SELECT * FROM sessions ORDER BY number DESC", []);
  }

  /** Of those with a file, of this channel unless it is null, the one that was started last. */
  newestWithVideo(channel: string | null = null): StoredSession | null {
    const newest = "json_extract(view, '$.timings.startedAt') DESC LIMIT 1";
    const ofChannel = "(?1 IS NULL OR channel = ?1)";
    const sql =
      `SELECT * FROM sessions WHERE json_extract(view, '$.video') IS NOT NULL AND ${ofChannel} ORDER BY ${newest}`;
    const late = [...this.#late.keys()].map((id) => this.get(id))
      .filter((session) => session?.view.video && (channel === null || session.view.channel === channel));
    const startOf = (session: StoredSession | null) => session?.view.timings.startedAt ?? "";
    return [...this.#sessions(sql, [channel]), ...late].sort((a, b) => startOf(b).localeCompare(startOf(a)))[0] ?? null;
  }

  countByState(): Record<SessionState, number> {
    const rows = this.#all("SELECT state, COUNT(*) AS sessions FROM sessions GROUP BY state", []);
    const none = sessionStates.map((state) => [state, 0]);
    return Object.fromEntries([...none, ...rows.map((row) => [row.state, Number(row.sessions)])]);
  }

  /** Names of the channels that have sessions, in order. */
  channels(): string[] {
    const sql = "SELECT DISTINCT channel FROM sessions WHERE channel IS NOT NULL ORDER BY channel";
    return this.#all(sql, []).map((row) => String(row.channel));
  }

  /** Its event log goes with it. */
  delete(id: string): void {
    this.#late.delete(id);
    this.#run("DELETE FROM sessions WHERE id = ?", [id]);
  }

  appendEvent(sessionId: string, event: SessionEvent): void {
    this.#lateOf(sessionId).events.push(event);
    this.#catchUp();
  }

  /** In order, without a hole. */
  events(sessionId: string): SessionEvent[] {
    const written = this.#all("SELECT id, event, data FROM events WHERE session_id = ? ORDER BY id", [sessionId])
      .map((row) => sessionEvent.parse({ id: row.id, event: row.event, data: JSON.parse(String(row.data)) }));
    return [...written, ...this.#late.get(sessionId)?.events ?? []];
  }

  /** Not worth waiting for room: the next video is measured again. */
  saveMeasurement(model: string, device: string, { widthPx, heightPx, ...pace }: Measurement): void {
    this.#tolerateFullDisk(() =>
      this.#run("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?, ?, ?)", [
        model,
        device,
        widthPx,
        heightPx,
        pace.secondsPerStep,
        pace.secondsPerDecode,
      ])
    );
  }

  measurements(model: string, device: string): Measurement[] {
    return this.#all("SELECT * FROM measurements WHERE model = ? AND device = ? ORDER BY width_px, height_px", [
      model,
      device,
    ]).map(measurementOf);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** All steps or none: a server that dies meanwhile leaves the file as it was. */
  #migrate(): void {
    const version = Number(this.#all("PRAGMA user_version", [])[0]?.user_version);
    if (version > migrations.length) throw new Error(`a newer framecast has written it (version ${version})`);
    if (version === migrations.length) return;
    const steps = migrations.slice(version).join("");
    this.#database.exec(`BEGIN IMMEDIATE; ${steps} PRAGMA user_version = ${migrations.length}; COMMIT`);
  }

  #lateOf(id: string): Late {
    const late = this.#late.get(id) ?? { view: null, events: [] };
    this.#late.set(id, late);
    return late;
  }

  /** Writes what is late, as far as there is room. */
  #catchUp(): void {
    this.#tolerateFullDisk(() => {
      for (const [id, late] of this.#late) {
        if (late.view) {
          const { state } = late.view;
          this.#run("UPDATE sessions SET state = ?, view = ? WHERE id = ?", [state, JSON.stringify(late.view), id]);
          late.view = null;
        }
        for (let next = late.events[0]; next; next = late.events[0]) {
          const values = [id, next.id, next.event, JSON.stringify(next.data)];
          this.#run("INSERT INTO events (session_id, id, event, data) VALUES (?, ?, ?, ?)", values);
          late.events.shift();
        }
        this.#late.delete(id);
      }
    });
  }

  #tolerateFullDisk(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  #sessions(sql: string, values: Value[]): StoredSession[] {
    return this.#all(sql, values).map((row) => ({
      view: this.#late.get(String(row.id))?.view ?? sessionView.parse(JSON.parse(String(row.view))),
      imageType: String(row.image_type),
    }));
  }

  #run(sql: string, values: Value[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #all(sql: string, values: Value[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }
}

/** A measurement and what was measured. */
export interface MachineMeasurement extends Measurement {
  readonly model: string;
  readonly device: string;
}

/**
 * What the server of this store has measured on this machine. Changes nothing.
 * @throws `StoreOpenError`, also while a server has it open
 */
export function readMeasurements(file: string): MachineMeasurement[] {
  try {
    using database = new DatabaseSync(file, { readOnly: true });
    database.exec("PRAGMA busy_timeout = 0");
    const rows = database.prepare("SELECT * FROM measurements ORDER BY model, device, width_px, height_px")
      .all() as Row[];
    return rows.map((row) => ({ ...measurementOf(row), model: String(row.model), device: String(row.device) }));
  } catch (cause) {
    throw openError(file, cause);
  }
}

const measurementOf = (row: Row): Measurement => ({
  widthPx: Number(row.width_px),
  heightPx: Number(row.height_px),
  secondsPerStep: Number(row.seconds_per_step),
  secondsPerDecode: Number(row.seconds_per_decode),
});

function openError(file: string, cause: unknown): StoreOpenError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const why = /locked|busy/i.test(message) ? "another framecast uses this folder" : message;
  return new StoreOpenError(`Cannot open "${file}": ${why}`, { cause });
}
