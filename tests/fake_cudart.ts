/**
 * The CUDA runtime of `fake_cudart.c`, compiled on the spot.
 * @module
 */
import { fileURLToPath } from "node:url";

const symbols = {
  fakeCard: { parameters: ["usize", /* all */ "usize" /* taken by others */], result: "void" },
  fakeTaken: { parameters: [], result: "usize" },
  fakeLocked: { parameters: [], result: "usize" },
  fakeObjects: { parameters: [], result: "i32" },
  fakeHold: { parameters: ["i32"], result: "void" },
  fakeBreak: { parameters: [], result: "void" },
} as const;

export interface FakeCudart extends AsyncDisposable {
  /** Where it lies, and a folder that goes with it. */
  readonly file: string;
  readonly folder: string;
  /** What a test may do with it. */
  readonly fake: Deno.StaticForeignLibraryInterface<typeof symbols>;
}

/** Undefined on a machine without a C compiler. */
export async function compileFakeCudart(): Promise<FakeCudart | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "framecast-cudart-" });
  const file = `${folder}/libfakecudart.so`;
  const source = fileURLToPath(new URL("fake_cudart.c", import.meta.url));
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const { success } = await new Deno.Command("cc", { args: ["-shared", "-fPIC", "-o", file, source] }).output();
    if (success) {
      return { file, folder, fake: Deno.dlopen(file, symbols).symbols, [Symbol.asyncDispose]: remove };
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
  await remove();
  return undefined;
}
