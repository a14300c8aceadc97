/**
 * What happened, one JSON line per event on standard error, for people with `jq` and for machines.
 * @module
 */

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Writes one event. `name` is `subject.verb` (`session.started`); `fields` are JSON values, an `Error` becomes its text. */
export interface Log {
  debug(name: string, fields?: Record<string, unknown>): void;
  info(name: string, fields?: Record<string, unknown>): void;
  warn(name: string, fields?: Record<string, unknown>): void;
  error(name: string, fields?: Record<string, unknown>): void;
}

/** Where the lines go and what time it is; both real by default. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

/** A log that drops everything below `level`. */
export function createLog({ level, write = writeToStandardError, now = () => new Date() }: LogOptions): Log {
  const threshold = logLevels.indexOf(level);
  const at = (lineLevel: Exclude<LogLevel, "silent">) => (name: string, fields: Record<string, unknown> = {}) => {
    if (logLevels.indexOf(lineLevel) < threshold) return;
    write(JSON.stringify({ time: now().toISOString(), level: lineLevel, event: name, ...plain(fields) }) + "\n");
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** An `Error` has no enumerable fields, so JSON would show `{}`. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? describe(value) : value]),
  );
}

function describe(error: Error): Record<string, unknown> {
  const cause = error.cause instanceof Error ? { cause: describe(error.cause) } : {};
  return { name: error.name, message: error.message, stack: error.stack, ...cause };
}

function writeToStandardError(line: string): void {
  const bytes = new TextEncoder().encode(line);
  for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
}
