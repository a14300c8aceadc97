/** @module */

/** One thing that was looked at. */
export interface Finding {
  /** `missing`: it is not there or does not work; `note`: it is as it is, and worth knowing. */
  readonly level: "ok" | "missing" | "note";
  /** `required`: without it the default model cannot run. */
  readonly need: "required" | "optional";
  /** What was looked at, in a few words. */
  readonly subject: string;
  /** A clause without full stop. */
  readonly says: string;
  /** The one command, or the one thing to do, that brings what is missing. */
  readonly command?: string;
}

export const ok = (subject: string, says: string): Finding => ({ level: "ok", need: "optional", subject, says });
export const note = (subject: string, says: string): Finding => ({ level: "note", need: "optional", subject, says });
export const missing = (subject: string, says: string, command?: string): Finding => ({
  ...{ level: "missing", need: "optional", subject, says },
  ...(command === undefined ? {} : { command }),
});
/** What the default model cannot do without. */
export const required = (finding: Finding): Finding => ({ ...finding, need: "required" });

/** Of 10⁹ bytes, as disks and models are counted; small ones of 10⁶. */
export const bytesInWords = (bytes: number): string =>
  bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
