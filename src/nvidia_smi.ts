/**
 * The one owner of nvidia-smi, the program that comes with NVIDIA's driver: asks which GPUs there are.
 * @module
 */

/** One GPU, as its driver describes it. */
export interface Gpu {
  /** As CUDA counts them with `CUDA_DEVICE_ORDER=PCI_BUS_ID`. */
  readonly index: number;
  readonly name: string;
  /** `580.95.05` */
  readonly driverVersion: string;
  /** `[major, minor]` of its instruction set; null where the driver is too old to tell. */
  readonly computeCapability: readonly [major: number, minor: number] | null;
  /** Null where main memory and VRAM are one, and the driver gives no numbers. */
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number } | null;
}

export type GpuSearch =
  | { readonly kind: "found"; readonly gpus: readonly Gpu[] }
  /** `why` is a clause without full stop. */
  | { readonly kind: "absent" | "failed"; readonly why: string };

/** Columns of `nvidia-smi --query-gpu`, in this order (`nvidia-smi --help-query-gpu`). */
const columns = ["index", "name", "driver_version", "compute_cap", "memory.total", "memory.free"] as const;

/** Never rejects: a machine without an NVIDIA GPU is no fault. */
export async function findGpus(program = "nvidia-smi"): Promise<GpuSearch> {
  const args = [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits"];
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, stdin: "null" }).output();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return { kind: "absent", why: `there is no program "${program}"` };
    // The task lists the program where it is found.
    if (cause instanceof Deno.errors.NotCapable) {
      return { kind: "absent", why: `there is no "${program}" in PATH that Deno may run` };
    }
    return { kind: "failed", why: `"${program}" cannot be started: ${(cause as Error).message}` };
  }
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!output.success) {
    const said = decode(output.stdout) || decode(output.stderr);
    return { kind: "failed", why: `"${program}" ended with code ${output.code}: ${said.split("\n")[0]}` };
  }
  return parseGpus(decode(output.stdout));
}

/** What nvidia-smi printed for `columns`: one line per GPU, fields separated by a comma and a space, memory in MiB. */
export function parseGpus(text: string): GpuSearch {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (lines.length === 0 || /^No devices were found/i.test(lines[0]!)) {
    return { kind: "absent", why: "the driver sees no GPU" };
  }
  const gpus: Gpu[] = [];
  for (const line of lines) {
    const gpu = parseGpu(line.split(", "));
    if (!gpu) return { kind: "failed", why: `nvidia-smi printed a line that cannot be read: "${line}"` };
    gpus.push(gpu);
  }
  return { kind: "found", gpus };
}

function parseGpu(fields: readonly string[]): Gpu | undefined {
  const [index, name, driverVersion, capability, total, free] = fields;
  if (fields.length !== columns.length || !/^\d+$/.test(index!)) return undefined;
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(capability!) ?? [];
  const [totalBytes, freeBytes] = [mebibytes(total!), mebibytes(free!)];
  return {
    index: Number(index),
    name: name!,
    driverVersion: driverVersion!,
    computeCapability: major === undefined ? null : [Number(major), Number(minor)],
    memory: totalBytes === undefined || freeBytes === undefined ? null : { totalBytes, freeBytes },
  };
}

/** Undefined for `[N/A]` and `[Not Supported]`. */
const mebibytes = (text: string) => /^\d+$/.test(text) ? Number(text) * 2 ** 20 : undefined;
