/**
 * Processor, memory, disks and the server's port.
 * @module
 */
import { statfs } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, resolve } from "node:path";
import { bytesInWords, type Finding, missing, note, ok } from "./finding.ts";

/** Those that this process may use, by the name the system gives them. */
export function processorFinding(): Finding {
  const { os, arch } = Deno.build;
  const name = cpus()[0]?.model.trim() || arch;
  return ok("processor", `${navigator.hardwareConcurrency} × ${name}, ${os} ${arch}`);
}

export function memoryFinding(): Finding {
  const { total, available } = Deno.systemMemoryInfo();
  return ok("memory", `${bytesInWords(available)} of ${bytesInWords(total)} available`);
}

/** Free bytes where `folder` is or would be made; null where the system does not tell. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let path = resolve(folder);; path = dirname(path)) {
    try {
      const { bavail, bsize } = await statfs(path);
      return Number(bavail) * Number(bsize);
    } catch (cause) {
      const isAbsent = (cause as { code?: string }).code === "ENOENT";
      if (!isAbsent || path === dirname(path)) return null;
    }
  }
}

/** @param neededBytes what is to be written there, in words `what` */
export async function diskFinding(
  subject: string,
  folder: string,
  { neededBytes, what }: { readonly neededBytes: number; readonly what: string },
): Promise<Finding> {
  const free = await freeBytes(folder);
  if (free === null) return note(subject, `"${folder}": the system does not tell how much is free`);
  const says = `${bytesInWords(free)} free for "${folder}"`;
  return free >= neededBytes ? ok(subject, says) : note(subject, `${says}; ${what} takes ${bytesInWords(neededBytes)}`);
}

/** Whether the server could listen: by listening for a moment. */
export function portFinding(host: string, port: number): Finding {
  const subject = "port";
  if (port === 0) return ok(subject, `any free port of ${host}`);
  try {
    Deno.listen({ hostname: host, port }).close();
    return ok(subject, `${port} of ${host} is free`);
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      return note(subject, `${port} of ${host} is in use, by framecast itself or by another program`);
    }
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      return missing(subject, `FRAMECAST_HOST="${host}" is no address of this computer`);
    }
    return missing(subject, `${port} of ${host}: ${(cause as Error).message}`);
  }
}
