/**
 * One blob from the hub into the cache: from where it stopped last time, hashed as it comes, in place only when it is whole
 * and right.
 * @module
 */
import type { RepoCache } from "./cache.ts";
import { following, withDeadline } from "./deadline.ts";
import { HubError, mayPass } from "./errors.ts";
import type { Hub, HubFile } from "./hub.ts";
import { PartialBlob } from "./partial_blob.ts";
import { type Patience, waitBefore } from "./patience.ts";

export interface Line {
  readonly hub: Hub;
  /** How long a body may stand still, in milliseconds. */
  readonly stallMs: number;
  readonly patience: Patience;
}

export type DownloadEvent =
  /** So many of the file's bytes are here. All of them, once, when they are right and in their place. */
  | { readonly kind: "received"; readonly presentBytes: number }
  /** It failed for a reason that may pass, and goes on after a while. */
  | { readonly kind: "retrying"; readonly why: string; readonly waitMs: number }
  /** Another program is fetching the same file. */
  | { readonly kind: "waiting" }
  /** What an earlier run left is read for its hash, which takes a while for gigabytes. */
  | { readonly kind: "checking" };

/**
 * Brings a file's blob into the cache. What has come stays there when this ends early.
 * @throws `HubError`; the signal's reason
 */
export async function* download(
  file: HubFile,
  cache: RepoCache,
  line: Line,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  using _lock = yield* cache.lock(file, signal);
  if (!await cache.hasBlob(file)) {
    if (await cache.presentBytes(file) > 0) yield { kind: "checking" };
    using blob = await PartialBlob.open(cache.blobPath(file), file, signal);
    const isFresh = blob.bytes === 0;
    yield* receiveAll(blob, file, line, signal);
    if (!isFresh && !blob.isRight()) {
      // What an earlier run left may be damaged: a disk that was full, a computer that lost its power.
      await blob.restart();
      yield* receiveAll(blob, file, line, signal);
    }
    await blob.finish();
  }
  yield { kind: "received", presentBytes: file.sizeBytes };
}

async function* receiveAll(
  blob: PartialBlob,
  file: HubFile,
  line: Line,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  let failures = 0;
  while (blob.bytes < file.sizeBytes) {
    const before = blob.bytes;
    try {
      yield* receive(blob, file, line, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures = blob.bytes > before ? 1 : failures + 1;
      if (!mayPass(error) || failures > line.patience.retries) throw error;
      const waitMs = waitBefore(failures, error.waitMs);
      yield { kind: "retrying", why: error.message, waitMs };
      await line.patience.pause(waitMs, signal);
    }
  }
}

/** One answer, as far as it goes. */
async function* receive(
  blob: PartialBlob,
  file: HubFile,
  { hub, stallMs }: Line,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  const connection = following(signal);
  const opened = await hub.open(file, blob.bytes, connection.signal);
  if (opened.fromByte !== blob.bytes) await blob.restart();
  const late = new HubError("stalled", `"${nameOf(file)}" has not moved for ${stallMs / 1000} s`);
  const reader = opened.body.getReader();
  try {
    for (;;) {
      const { done, value } = await withDeadline({ durationMs: stallMs, late, signal }, () => reader.read());
      if (done) break;
      if (blob.bytes + value.length > file.sizeBytes) {
        throw new HubError("wrong", `The hub sends more than the ${file.sizeBytes} bytes of "${nameOf(file)}"`);
      }
      await blob.append(value);
      if (blob.bytes < file.sizeBytes) yield { kind: "received", presentBytes: blob.bytes };
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof HubError ? cause : cutShort(blob, file, cause);
  } finally {
    connection.abort();
    await reader.cancel().catch(() => {});
  }
  if (blob.bytes < file.sizeBytes) throw cutShort(blob, file);
}

function cutShort(blob: PartialBlob, file: HubFile, cause?: unknown): HubError {
  return new HubError("cut", `"${nameOf(file)}" ended at ${blob.bytes} of ${file.sizeBytes} bytes`, { cause });
}

/** As people look it up: `OWNER/NAME/vae/config.json`. */
export const nameOf = ({ repo, path }: Pick<HubFile, "repo" | "path">): string => `${repo}/${path}`;
