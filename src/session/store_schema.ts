/**
 * The tables of the store, and how those of an older framecast become them.
 * @module
 */

/** The store belongs to one server: another that opened it would take its running session for one that was left behind. */
export const pragmas = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA foreign_keys = ON;
`;

/** The first tables. They existed before anybody counted versions, so a file without a number may have them. */
const tables = `
  CREATE TABLE IF NOT EXISTS sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    image_type TEXT NOT NULL,
    view TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (session_id, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS measurements (
    model TEXT NOT NULL,
    device TEXT NOT NULL,
    width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL,
    seconds_per_step REAL NOT NULL,
    seconds_per_decode REAL NOT NULL,
    PRIMARY KEY (model, device, width_px, height_px)
  ) STRICT, WITHOUT ROWID;
`;

/** What an older view does not say. `$` is where it lies in the JSON of the column. */
const laterMembers = (column: string, id: string) => `
  json_set(${column},
    '$.channel', NULL,
    '$.settings.previews', json('true'),
    '$.timings.realTimeFactor', NULL,
    '$.links.liveTs', '/api/sessions/' || ${id} || '/live.ts',
    '$.links.sections', '/api/sessions/' || ${id} || '/sections/{n}.mp4')
`;

/** Sessions of channels; views, progress and playout with the members that came with them. */
const channels = `
  ALTER TABLE sessions ADD COLUMN channel TEXT;
  CREATE INDEX sessions_of_channel ON sessions (channel) WHERE channel IS NOT NULL;
  UPDATE sessions SET view = ${laterMembers("view", "id")};
  UPDATE events SET data = ${laterMembers("data", "session_id")} WHERE event = 'state';
  UPDATE events SET data = json_set(data, '$.timings.realTimeFactor', NULL) WHERE event = 'progress';
  UPDATE events
    SET data = json_set(json_remove(data, '$.codec'),
      '$.video', session_id, '$.wait', 'hold', '$.previews', 'hidden', '$.shows', 'frames', '$.rate', 1)
    WHERE event = 'playout';
`;

/** What an older view does not say of its settings. */
const laterSettings = (column: string) => `
  json_set(${column},
    '$.settings.windowLatentFrames', 9,
    '$.settings.loras', json('[]'),
    '$.settings.start', 'picture',
    '$.settings.endStrength', NULL)
`;

const settings = `
  UPDATE sessions SET view = ${laterSettings("view")};
  UPDATE events SET data = ${laterSettings("data")} WHERE event = 'state';
`;

/** Step n leads from version n to n + 1. A step that has been released is never changed. */
export const migrations: readonly string[] = [tables, channels, settings];
