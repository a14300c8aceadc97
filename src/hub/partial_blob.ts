/**
 * A blob on its way into the cache: a file that only grows, and the hash of what is in it.
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { mkdir, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { writing } from "./disk.ts";
import { HubError } from "./errors.ts";
import type { HubFile } from "./hub.ts";

export class PartialBlob implements Disposable {
  readonly #path: string;
  readonly #file: HubFile;
  readonly #handle: Deno.FsFile;
  #hash: Hash;
  #bytes = 0;

  private constructor(path: string, file: HubFile, handle: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
    this.#handle = handle;
    this.#hash = emptyHash(file);
  }

  /**
   * Opens `PATH.incomplete`, and reads what an earlier run left in it for the hash.
   * @throws `HubError`; the signal's reason
   */
  static async open(path: string, file: HubFile, signal: AbortSignal): Promise<PartialBlob> {
    const incomplete = `${path}.incomplete`;
    const handle = await writing(incomplete, async () => {
      await mkdir(dirname(path), { recursive: true });
      return await Deno.open(incomplete, { create: true, read: true, write: true });
    });
    const blob = new PartialBlob(path, file, handle);
    try {
      await blob.#readBack(signal);
      return blob;
    } catch (error) {
      blob[Symbol.dispose]();
      throw error;
    }
  }

  /** How much of the file is here. */
  get bytes(): number {
    return this.#bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    await writing(`${this.#path}.incomplete`, async () => {
      for (let at = 0; at < chunk.length;) at += await this.#handle.write(chunk.subarray(at));
    });
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** Forgets everything. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    await this.#handle.seek(0, Deno.SeekMode.Start);
    this.#hash = emptyHash(this.#file);
    this.#bytes = 0;
  }

  /** Whether what is here is the whole file, byte for byte. */
  isRight(): boolean {
    return this.#bytes === this.#file.sizeBytes && this.#digest() === this.#file.digest.hex;
  }

  /**
   * Puts the blob in its place, on the disk for good.
   * @throws `HubError` when it is not what the hub promised; then nothing of it stays
   */
  async finish(): Promise<void> {
    const incomplete = `${this.#path}.incomplete`;
    if (!this.isRight()) {
      await unlink(incomplete);
      const { repo, path, digest } = this.#file;
      throw new HubError(
        "wrong",
        `The hub sent other bytes for "${repo}/${path}" than it promised: their ${digest.kind} hash is ` +
          `${this.#digest()}, not ${digest.hex}`,
      );
    }
    await writing(this.#path, async () => {
      await this.#handle.sync();
      await rename(incomplete, this.#path);
    });
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }

  async #readBack(signal: AbortSignal): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.#file.sizeBytes) return await this.restart();
    const buffer = new Uint8Array(1 << 20);
    for (let read; (read = await this.#handle.read(buffer)) !== null;) {
      signal.throwIfAborted();
      this.#hash.update(buffer.subarray(0, read));
      this.#bytes += read;
    }
  }

  #digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Git hashes a blob with its type and size before it (git-hash-object, "blob SIZE\0"). */
function emptyHash({ digest, sizeBytes }: HubFile): Hash {
  return digest.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${sizeBytes}\0`);
}
