/**
 * Sessions whose frames are kept though there is no file: the disk was full when it was to be written.
 * @module
 */
import { Refusal } from "./errors.ts";
import { isDiskFull } from "./problem.ts";
import type { Session } from "./session.ts";

export class Unrecorded {
  readonly #sessions = new Map<string, Session>();

  get ids(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  keep(session: Session): void {
    this.#sessions.set(session.id, session);
  }

  forget(id: string): void {
    this.#sessions.delete(id);
  }

  /** Writes the file now; nothing happens for a session that is not among them. @throws `Refusal` when that fails again */
  async record(id: string): Promise<void> {
    try {
      await this.#sessions.get(id)?.recordAgain();
      this.#sessions.delete(id);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const kind = isDiskFull(cause) ? "disk-full" : "recording-failed";
      throw new Refusal(kind, `The file still cannot be written: ${reason}`, {}, { cause });
    }
  }
}
