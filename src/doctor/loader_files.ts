/**
 * The loader's view of this machine's files.
 * @module
 */
import type { LoaderView } from "./cuda_provider.ts";
import { parseLoaderCache } from "./loader_cache.ts";

/** @param libraryPath folders of `LD_LIBRARY_PATH` */
export async function fileLoaderView(
  libraryPath: readonly string[],
  cacheFile = "/etc/ld.so.cache",
): Promise<LoaderView> {
  const cache = await Deno.readFile(cacheFile).catch(() => new Uint8Array());
  return {
    libraryPath,
    cache: parseLoaderCache(cache, Deno.build.arch),
    isFile: (path) => Deno.stat(path).then((info) => info.isFile, () => false),
    read: (path) => async (offset, length) => {
      using file = await Deno.open(path);
      await file.seek(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(length);
      let at = 0;
      for (let read: number | null = 0; read !== null && at < length; at += read ?? 0) {
        read = await file.read(bytes.subarray(at));
      }
      return bytes.subarray(0, at);
    },
  };
}
