/**
 * The C functions of ONNX Runtime that this program calls, as one table: the only file that uses FFI.
 *
 * The library exports `OrtGetApiBase`; it gives `OrtApi`, a struct of function pointers that only ever grows at its end, so
 * a slot number is as stable as a name.
 * @module
 */
import { InferenceError } from "../errors.ts";

/** A native object that somebody has to release. */
export type Handle = Deno.PointerObject;

interface OrtFunction {
  /** Index into `OrtApi` (onnxruntime_c_api.h). */
  readonly slot: number;
  /** A "buffer" written as `out` receives one pointer or number. Names as in the header. */
  readonly parameters: readonly Deno.NativeType[];
  readonly result: "status" | "void";
  /** Runs on a thread of its own. Every buffer given has to stay referenced until the promise settles. */
  readonly nonblocking?: true;
}

// deno-fmt-ignore
const functions = {
  createEnv:                        { slot: 3, result: "status", parameters: ["i32" /* severity */, "buffer" /* id */, "buffer" /* out */] },
  createSessionFromArray:           { slot: 8, result: "status", parameters: ["pointer" /* env */, "buffer" /* model */, "usize" /* bytes */, "pointer" /* options */, "buffer" /* out */], nonblocking: true },
  run:                              { slot: 9, result: "status", parameters: ["pointer" /* session */, "pointer" /* options */, "buffer" /* input names */, "buffer" /* inputs */, "usize", "buffer" /* output names */, "usize", "buffer" /* out */], nonblocking: true },
  createSessionOptions:             { slot: 10, result: "status", parameters: ["buffer" /* out */] },
  setSessionGraphOptimizationLevel: { slot: 23, result: "status", parameters: ["pointer", "i32" /* level */] },
  setIntraOpNumThreads:             { slot: 24, result: "status", parameters: ["pointer", "i32"] },
  setInterOpNumThreads:             { slot: 25, result: "status", parameters: ["pointer", "i32"] },
  sessionGetInputCount:             { slot: 30, result: "status", parameters: ["pointer", "buffer" /* out */] },
  sessionGetOutputCount:            { slot: 31, result: "status", parameters: ["pointer", "buffer" /* out */] },
  sessionGetInputTypeInfo:          { slot: 33, result: "status", parameters: ["pointer", "usize" /* index */, "buffer" /* out */] },
  sessionGetOutputTypeInfo:         { slot: 34, result: "status", parameters: ["pointer", "usize" /* index */, "buffer" /* out */] },
  sessionGetInputName:              { slot: 36, result: "status", parameters: ["pointer", "usize" /* index */, "pointer" /* allocator */, "buffer" /* out */] },
  sessionGetOutputName:             { slot: 37, result: "status", parameters: ["pointer", "usize" /* index */, "pointer" /* allocator */, "buffer" /* out */] },
  createRunOptions:                 { slot: 39, result: "status", parameters: ["buffer" /* out */] },
  runOptionsSetTerminate:           { slot: 46, result: "status", parameters: ["pointer"] },
  createTensorWithDataAsOrtValue:   { slot: 49, result: "status", parameters: ["pointer" /* memory info */, "pointer" /* data, anywhere */, "usize" /* bytes */, "buffer" /* shape */, "usize" /* rank */, "i32" /* type */, "buffer" /* out */] },
  getTensorMutableData:             { slot: 51, result: "status", parameters: ["pointer", "buffer" /* out */] },
  castTypeInfoToTensorInfo:         { slot: 55, result: "status", parameters: ["pointer", "buffer" /* out, borrowed */] },
  getTensorElementType:             { slot: 60, result: "status", parameters: ["pointer", "buffer" /* out */] },
  getDimensionsCount:               { slot: 61, result: "status", parameters: ["pointer", "buffer" /* out */] },
  getDimensions:                    { slot: 62, result: "status", parameters: ["pointer", "buffer" /* out[rank] */, "usize" /* rank */] },
  getSymbolicDimensions:            { slot: 63, result: "status", parameters: ["pointer", "buffer" /* out[rank], borrowed */, "usize" /* rank */] },
  getTensorTypeAndShape:            { slot: 65, result: "status", parameters: ["pointer", "buffer" /* out */] },
  createMemoryInfo:                 { slot: 68, result: "status", parameters: ["buffer" /* name */, "i32" /* allocator type */, "i32" /* device id */, "i32" /* memory type */, "buffer" /* out */] },
  createCpuMemoryInfo:              { slot: 69, result: "status", parameters: ["i32" /* allocator type */, "i32" /* memory type */, "buffer" /* out */] },
  allocatorAlloc:                   { slot: 75, result: "status", parameters: ["pointer" /* allocator */, "usize" /* bytes */, "buffer" /* out */] },
  allocatorFree:                    { slot: 76, result: "status", parameters: ["pointer" /* allocator */, "pointer"] },
  getAllocatorWithDefaultOptions:   { slot: 78, result: "status", parameters: ["buffer" /* out, borrowed */] },
  releaseEnv:                       { slot: 92, result: "void", parameters: ["pointer"] },
  releaseSession:                   { slot: 95, result: "void", parameters: ["pointer"] },
  releaseValue:                     { slot: 96, result: "void", parameters: ["pointer"] },
  releaseRunOptions:                { slot: 97, result: "void", parameters: ["pointer"] },
  releaseTypeInfo:                  { slot: 98, result: "void", parameters: ["pointer"] },
  releaseTensorTypeAndShapeInfo:    { slot: 99, result: "void", parameters: ["pointer"] },
  releaseSessionOptions:            { slot: 100, result: "void", parameters: ["pointer"] },
  addSessionConfigEntry:            { slot: 130, result: "status", parameters: ["pointer", "buffer" /* key */, "buffer" /* value */] },
  createAllocator:                  { slot: 131, result: "status", parameters: ["pointer" /* session */, "pointer" /* memory info */, "buffer" /* out */] },
  releaseAllocator:                 { slot: 132, result: "void", parameters: ["pointer"] },
  runWithBinding:                   { slot: 133, result: "status", parameters: ["pointer" /* session */, "pointer" /* options */, "pointer" /* binding */], nonblocking: true },
  createIoBinding:                  { slot: 134, result: "status", parameters: ["pointer" /* session */, "buffer" /* out */] },
  releaseIoBinding:                 { slot: 135, result: "void", parameters: ["pointer"] },
  bindInput:                        { slot: 136, result: "status", parameters: ["pointer", "buffer" /* name */, "pointer" /* value */] },
  bindOutput:                       { slot: 137, result: "status", parameters: ["pointer", "buffer" /* name */, "pointer" /* value */] },
  bindOutputToDevice:               { slot: 138, result: "status", parameters: ["pointer", "buffer" /* name */, "pointer" /* memory info */] },
  getBoundOutputValues:             { slot: 140, result: "status", parameters: ["pointer", "pointer" /* allocator of the array */, "buffer" /* out: array of values */, "buffer" /* out: count */] },
  createAndRegisterAllocator:       { slot: 144, result: "status", parameters: ["pointer" /* env */, "pointer" /* memory info */, "pointer" /* arena settings or null */] },
  releaseArenaCfg:                  { slot: 157, result: "void", parameters: ["pointer"] },
  createArenaCfgV2:                 { slot: 164, result: "status", parameters: ["buffer" /* keys */, "buffer" /* values: size_t */, "usize", "buffer" /* out */] },
  unregisterAllocator:              { slot: 177, result: "status", parameters: ["pointer" /* env */, "pointer" /* memory info */] },
  appendExecutionProviderCudaV2:    { slot: 204, result: "status", parameters: ["pointer", "pointer" /* CUDA options */] },
  createCudaProviderOptions:        { slot: 205, result: "status", parameters: ["buffer" /* out */] },
  updateCudaProviderOptions:        { slot: 206, result: "status", parameters: ["pointer", "buffer" /* keys */, "buffer" /* values */, "usize"] },
  releaseCudaProviderOptions:       { slot: 208, result: "void", parameters: ["pointer"] },
  createAndRegisterAllocatorV2:     { slot: 259, result: "status", parameters: ["pointer" /* env */, "buffer" /* provider */, "pointer" /* memory info */, "pointer" /* arena settings, not null */, "buffer" /* option keys */, "buffer" /* values */, "usize"] },
  setLoadCancellationFlag:          { slot: 293, result: "status", parameters: ["pointer" /* session options */, "bool"] },
} as const satisfies Record<string, OrtFunction>;

export const allocatorType = { device: 0, arena: 1 }; // OrtAllocatorType
export const memoryType = { default: 0 }; // OrtMemType

type Functions = typeof functions;

/** Calls that return an `OrtStatus*` in C throw an `InferenceError` with its message here, and return nothing. */
export type OrtApi = {
  readonly [Name in keyof Functions]: (
    ...args: Deno.ToNativeParameterTypes<Functions[Name]["parameters"]>
  ) => Functions[Name] extends { nonblocking: true } ? Promise<void> : void;
};

/** 25 is the oldest table that has every slot above; the library may be newer. */
const apiVersion = 25;

const loaded = new Map<string, OrtApi>();

/**
 * Opens the library, which then stays until the process ends: it owns threads and static state.
 * @throws InferenceError when it cannot be opened or is older than 1.25
 */
export function loadOrtApi(libraryPath: string): OrtApi {
  const known = loaded.get(libraryPath);
  if (known) return known;
  const getApi = new Deno.UnsafePointerView(ortApiBase(libraryPath)).getPointer(0)!; // OrtApiBase.GetApi
  const table = call(getApi, ["u32"], "pointer", apiVersion) as Deno.PointerValue;
  if (!table) throw new InferenceError(`ONNX Runtime at ${libraryPath} is older than 1.${apiVersion}`);
  const api = bind(new Deno.UnsafePointerView(table));
  loaded.set(libraryPath, api);
  return api;
}

function ortApiBase(libraryPath: string): Handle {
  try {
    const library = Deno.dlopen(libraryPath, { OrtGetApiBase: { parameters: [], result: "pointer" } });
    return library.symbols.OrtGetApiBase()!;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new InferenceError(`Cannot load ONNX Runtime from ${libraryPath}: ${(cause as Error).message}`, { cause });
  }
}

function call(fn: Handle, parameters: Deno.NativeType[], result: Deno.NativeResultType, ...args: unknown[]): unknown {
  const callable = new Deno.UnsafeFnPointer(fn as Deno.PointerObject<never>, { parameters, result });
  return (callable.call as (...args: unknown[]) => unknown)(...args);
}

function bind(table: Deno.UnsafePointerView): OrtApi {
  const pointerOf = (slot: number) => table.getPointer(slot * 8)!; // 8 bytes per function pointer
  const getErrorMessage = pointerOf(2);
  const releaseStatus = pointerOf(93);

  const throwOnError = (status: Deno.PointerValue): void => {
    if (!status) return;
    const message = textOf(call(getErrorMessage, ["pointer"], "pointer", status) as Handle);
    call(releaseStatus, ["pointer"], "void", status);
    // Some messages begin with the C++ source line that made them.
    throw new InferenceError(message.replace(/^.*\[ONNXRuntimeError\] : \d+ : \w+ : /s, "").trim());
  };

  const bound = Object.entries<OrtFunction>(functions).map(([name, { slot, parameters, result, nonblocking }]) => {
    const fn = new Deno.UnsafeFnPointer(pointerOf(slot) as Deno.PointerObject<never>, {
      parameters,
      result: result === "status" ? "pointer" : "void",
      nonblocking: nonblocking ?? false,
    });
    const native = fn.call.bind(fn) as (...args: unknown[]) => unknown;
    if (result === "void") return [name, native];
    if (nonblocking) return [name, async (...args: unknown[]) => throwOnError(await native(...args) as Handle)];
    return [name, (...args: unknown[]) => throwOnError(native(...args) as Handle)];
  });
  return Object.fromEntries(bound) as OrtApi;
}

/** Calls a function that writes one handle to its `out` parameter. */
export function handleFrom(make: (out: BigUint64Array<ArrayBuffer>) => void): Handle {
  const out = new BigUint64Array(1);
  make(out);
  return handleAt(out, 0);
}

/** As `handleFrom`, for a call on a thread of its own. */
export async function handleFromAsync(make: (out: BigUint64Array<ArrayBuffer>) => Promise<void>): Promise<Handle> {
  const out = new BigUint64Array(1);
  await make(out);
  return handleAt(out, 0);
}

/** The handle native code wrote into an array of pointers. */
export function handleAt(pointers: BigUint64Array<ArrayBuffer>, index: number): Handle {
  return Deno.UnsafePointer.create(pointers[index]!)!;
}

/** The handles in an array that native code owns. */
export function handlesOf(array: Handle, count: number): Handle[] {
  const view = new Deno.UnsafePointerView(array);
  return Array.from({ length: count }, (_, index) => view.getPointer(index * 8)!);
}

/** The address `offsetBytes` behind a handle. */
export function addressBehind(handle: Handle, offsetBytes: number): Handle {
  return Deno.UnsafePointer.offset(handle, offsetBytes)!;
}

/** Calls a function that writes one number (`size_t`, or a smaller one into zeroed bytes). */
export function numberFrom(make: (out: BigUint64Array<ArrayBuffer>) => void): number {
  const out = new BigUint64Array(1);
  make(out);
  return Number(out[0]!);
}

/** Where bytes of the program lie; they have to stay referenced as long as native code reads them. */
export function addressOf(bytes: ArrayBufferView): Handle {
  return Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>)!;
}

/** A NUL-terminated UTF-8 string for C. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** The text of a NUL-terminated UTF-8 string of C; empty for a null pointer. */
export function textOf(string: Deno.PointerValue): string {
  return string ? Deno.UnsafePointerView.getCString(string) : "";
}

/** Addresses as C sees an array of pointers. The strings pointed at have to be kept alive by the caller. */
export function pointerArray(targets: readonly (Handle | Uint8Array<ArrayBuffer>)[]): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(
    targets,
    (target) => Deno.UnsafePointer.value(target instanceof Uint8Array ? Deno.UnsafePointer.of(target) : target),
  );
}

/** Copies native memory into new bytes of the program. Nothing may have no address. */
export function copiedBytes(source: Deno.PointerValue, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthBytes);
  if (source && lengthBytes > 0) new Deno.UnsafePointerView(source).copyInto(bytes);
  return bytes;
}
