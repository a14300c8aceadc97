/**
 * ONNX Runtime's CUDA provider and the libraries it asks the loader for: which are here, and what brings the others.
 * Nothing is loaded: the files' own tables are read, and the loader's rules followed (ld.so(8)).
 * @module
 */
import { dirname, join } from "node:path";
import { type DynamicSection, ElfError, type ReadBytes, readDynamicSection } from "./elf.ts";
import { type Finding, missing, note, ok } from "./finding.ts";

/** What is looked at of the machine. */
export interface LoaderView {
  /** Folders of `LD_LIBRARY_PATH`. */
  readonly libraryPath: readonly string[];
  /** Library name → path, as `ldconfig` has found them. */
  readonly cache: ReadonlyMap<string, string>;
  isFile(path: string): Promise<boolean>;
  read(path: string): ReadBytes;
}

export interface CudaProviderQuestion {
  /** The libonnxruntime in use. */
  readonly ortLibraryPath: string;
  /** Whether it is the one of the npm package, whose install script can fetch the provider. */
  readonly origin: "npm" | "configured";
  /** `npm:onnxruntime-node@1.30.0` */
  readonly npmPackage: string;
  readonly denoVersion: string;
  /** As Deno names them: `linux`, `x86_64`. */
  readonly platform: { readonly os: string; readonly arch: string };
}

export interface CudaProvider {
  /** CUDA's major version that it was built for; null when that cannot be told. */
  readonly cudaMajor: number | null;
  readonly findings: readonly Finding[];
}

const providerName = "libonnxruntime_providers_cuda.so";
const sharedName = "libonnxruntime_providers_shared.so";
/** Looked for where nothing else says where a library is. */
const standardFolders = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
/** Opened by name at run time, by convolutions: the autoencoder needs it. Since ONNX Runtime 1.28. */
const cudnn = "libcudnn.so.9";

export async function inspectCudaProvider(question: CudaProviderQuestion, loader: LoaderView): Promise<CudaProvider> {
  const { os } = question.platform;
  if (os !== "linux") {
    return { cudaMajor: null, findings: [note("CUDA provider", `framecast uses CUDA on Linux only; this is ${os}`)] };
  }
  const folder = dirname(question.ortLibraryPath);
  const absent: string[] = [];
  for (const name of [providerName, sharedName]) if (!await loader.isFile(join(folder, name))) absent.push(name);
  if (absent.length > 0) return { cudaMajor: null, findings: [providerMissing(absent, folder, question)] };
  try {
    return await inspectLibraries(join(folder, providerName), loader);
  } catch (cause) {
    if (!(cause instanceof ElfError)) throw cause;
    const says = `"${join(folder, providerName)}" cannot be used: ${cause.message}`;
    return { cudaMajor: null, findings: [missing("CUDA provider", says, installProvider(question))] };
  }
}

async function inspectLibraries(provider: string, loader: LoaderView): Promise<CudaProvider> {
  const { found, absent } = await resolveNeeded(provider, loader);
  const cudaMajor = majorOf("libcudart.so.", [...found.keys(), ...absent]);
  const findings = [ok("CUDA provider", provider)];
  const present = [...found.keys()].filter((name) => wheelOf(name, cudaMajor) !== undefined);
  if (present.length > 0) findings.push(ok("CUDA libraries", present.join(", ")));
  const cudnnPath = await findLibrary(cudnn, [], loader);
  if (cudnnPath) findings.push(ok("cuDNN", cudnnPath));
  const wanted = cudnnPath ? absent : [...absent, cudnn];
  for (const names of Map.groupBy(wanted, (name) => bringing(name, cudaMajor)).values()) {
    findings.push(libraryMissing(names, cudaMajor));
  }
  const wheels = [...new Set(wanted.map((name) => wheelOf(name, cudaMajor)))].filter((wheel) => wheel !== undefined);
  if (wheels.length > 1) findings.push(note("CUDA libraries", `all at once: ${installWheels(wheels)}`));
  return { cudaMajor, findings };
}

function libraryMissing(names: readonly string[], cudaMajor: number | null): Finding {
  const why = names.includes(cudnn) ? ", which the picture decoder needs" : "";
  const says = `${names.join(" and ")}${why}: not found by the loader`;
  return missing(names.includes(cudnn) ? "cuDNN" : "CUDA library", says, bringing(names[0]!, cudaMajor));
}

interface Resolved {
  /** Name → path, in the order in which the loader comes to them. */
  readonly found: ReadonlyMap<string, string>;
  readonly absent: readonly string[];
}

/** What the loader would load for a library, and what it would not find. @throws ElfError for the library itself */
export async function resolveNeeded(library: string, loader: LoaderView): Promise<Resolved> {
  const found = new Map<string, string>();
  const absent = new Set<string>();
  const waiting: { readonly path: string; readonly section: DynamicSection }[] = [
    { path: library, section: await readDynamicSection(loader.read(library)) },
  ];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const own = next.section.runPath.map((folder) => folder.replaceAll(/\$ORIGIN|\$\{ORIGIN\}/g, dirname(next!.path)));
    for (const name of next.section.needed) {
      if (found.has(name) || absent.has(name)) continue;
      const path = await findLibrary(name, own, loader);
      const section = path && await readDynamicSection(loader.read(path)).catch(() => undefined);
      if (!path || !section) {
        absent.add(name);
      } else {
        found.set(name, path);
        waiting.push({ path, section });
      }
    }
  }
  return { found, absent: [...absent] };
}

/** `LD_LIBRARY_PATH`, then the asking library's own folders, then the cache, then the standard folders: ld.so(8). */
async function findLibrary(
  name: string,
  runPath: readonly string[],
  { libraryPath, cache, isFile }: LoaderView,
): Promise<string | undefined> {
  for (const folder of [...libraryPath, ...runPath]) if (await isFile(join(folder, name))) return join(folder, name);
  const cached = cache.get(name);
  if (cached !== undefined && await isFile(cached)) return cached;
  for (const folder of standardFolders) if (await isFile(join(folder, name))) return join(folder, name);
  return undefined;
}

function providerMissing(absent: readonly string[], folder: string, question: CudaProviderQuestion): Finding {
  return missing("CUDA provider", `${absent.join(" and ")} not in "${folder}"`, installProvider(question));
}

/** The npm package's script has it for x86-64 alone. */
const installProvider = ({ origin, npmPackage, denoVersion, platform }: CudaProviderQuestion): string =>
  origin === "npm" && platform.arch === "x86_64"
    ? `npx -y deno@${denoVersion} install --allow-scripts=${npmPackage}`
    : "let FRAMECAST_ORT_LIBRARY name the libonnxruntime of a CUDA build, such as that of the wheel onnxruntime-gpu";

/** The wheel on PyPI that holds a library of CUDA, `"nvidia-cublas==13.*"`; undefined for what is none. */
function wheelOf(library: string, cudaMajor: number | null): string | undefined {
  const parts: Readonly<Record<string, string>> = {
    libcublas: "cublas",
    libcublasLt: "cublas",
    libcudart: "cuda-runtime",
    libcurand: "curand",
    libcufft: "cufft",
    libnvrtc: "cuda-nvrtc",
    libnvJitLink: "nvjitlink",
    libcudnn: "cudnn",
  };
  const [name, major] = library.split(".so.") as [string, string];
  const part = parts[name];
  if (part === undefined || cudaMajor === null) return undefined;
  // Up to CUDA 12 every wheel names it; from 13 on only cuDNN's does.
  const wheel = part === "cudnn" || cudaMajor <= 12 ? `nvidia-${part}-cu${cudaMajor}` : `nvidia-${part}`;
  return `"${wheel}==${Number.parseInt(major)}.*"`;
}

function bringing(library: string, cudaMajor: number | null): string {
  if (library.startsWith("libcuda.so")) return installDriver(cudaMajor);
  const wheel = wheelOf(library, cudaMajor);
  return wheel === undefined ? `install the system package that has ${library}` : installWheels([wheel]);
}

/** Into a folder of their own, which the loader is told of: Deno starts nothing while `LD_LIBRARY_PATH` is set. */
const installWheels = (wheels: readonly string[]) =>
  `sudo python3 -m pip install --target ${cudaFolder} ${wheels.join(" ")} && ` +
  `ls -d ${cudaFolder}/nvidia/*/lib | sudo tee /etc/ld.so.conf.d/framecast-cuda.conf && sudo ldconfig`;
const cudaFolder = "/opt/framecast-cuda";

/** The oldest driver of each CUDA (CUDA Toolkit release notes, table 2: minor version compatibility). */
const oldestDrivers: Readonly<Record<number, number>> = { 12: 525, 13: 580 };

export const oldestDriverOf = (cudaMajor: number): number | undefined => oldestDrivers[cudaMajor];

export function installDriver(cudaMajor: number | null): string {
  const oldest = cudaMajor === null ? undefined : oldestDriverOf(cudaMajor);
  return `install NVIDIA's driver${oldest ? ` ${oldest} or newer` : ""}: https://www.nvidia.com/drivers`;
}

function majorOf(prefix: string, names: readonly string[]): number | null {
  const name = names.find((name) => name.startsWith(prefix));
  return name === undefined ? null : Number.parseInt(name.slice(prefix.length));
}
