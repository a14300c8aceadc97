/**
 * The directions and owners of ARCHITECTURE.md, read from the code's own imports.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Files of the repository it imports, types included. */
  readonly imports: readonly string[];
  /** Packages and `node:` modules it imports, by the name in the import. */
  readonly packages: readonly string[];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const files = await sourceFiles();
const product = files.filter(({ path }) => !isTest(path));

/** Who may import whom: the folder below `src/`, or the file right in it. */
const directions: Readonly<Record<string, readonly string[]>> = {
  "video.ts": [],
  "log.ts": [],
  "ice_config.ts": [],
  "config.ts": ["log.ts", "ice_config.ts"],
  "ffmpeg.ts": [],
  "nvidia_smi.ts": [],
  "image.ts": ["video.ts"],
  engine: ["video.ts"],
  hub: ["engine"],
  stream: ["video.ts", "ffmpeg.ts"],
  session: ["video.ts", "log.ts", "ffmpeg.ts", "image.ts", "engine", "stream"],
  routes: ["video.ts", "log.ts", "session"],
  doctor: ["ffmpeg.ts", "nvidia_smi.ts", "engine"],
};

/** Each external package has one owner. */
const owners: readonly (readonly [external: RegExp, owner: RegExp])[] = [
  [/^werift$/, /^src\/stream\/(viewer|peer)\.ts$/],
  [/^hono(\/|$)/, /^src\/routes\//],
  [/^sharp$/, /^src\/image\.ts$/],
  [/^node:sqlite$/, /^src\/session\/store\.ts$/],
  [/^zod$/, /(^|[/_])(request|view|config|manifest|event)\.ts$/],
  [/^@huggingface\/tokenizers$/, /^src\/engine\/tokenizers\//],
  [/^@huggingface\/hub$/, /^src\/hub\/hub\.ts$/],
  [/^@ffmpeg-installer\//, /^src\/ffmpeg\.ts$/],
  [/^onnxruntime-node$/, /^src\/engine\/onnx\/runtime\.ts$/],
  [/^cli-progress$/, /^(cli|pack|src\/hub\/progress)\.ts$/],
];

/** What only one file may do, as it stands in the text. */
const doings: readonly (readonly [what: RegExp, owner: RegExp])[] = [
  [
    /\bDeno\.(dlopen|UnsafePointer|UnsafePointerView|UnsafeFnPointer|UnsafeCallback)\b/,
    /^src\/engine\/onnx\/(ort_api|cuda_api)\.ts$/,
  ],
  [/\bDeno\.env\.(get|has|toObject)\b/, /^(src\/config|permissions)\.ts$/],
  [/\bnew Deno\.Command\b/, /^src\/(ffmpeg|nvidia_smi|engine\/process_engine)\.ts$/],
];

/** No clock, no chance, no input or output. */
const pure = new RegExp(
  "^src/(engine/(sampling|lora/delta|memory|plain_picture|networks|model_parts)|" +
    "doctor/(elf|loader_cache|cuda_provider|gpus)|hub/part_files|" +
    "stream/(playout|ivf|flv|mpegts|frame_ranges|line_quality|packet_row|preview_picture|slate|drawing))",
);
const effects = /\b(Date\.now|new Date\(|performance\.|Math\.random|crypto\.|fetch\(|setTimeout|setInterval|Deno\.)/;

Deno.test("folders import only in the direction of the architecture", () => {
  const wrong = product.flatMap(({ path, imports }) => {
    const from = partOf(path);
    if (from === undefined) return [];
    return imports.filter((target) => {
      const to = partOf(target);
      return to !== undefined && to !== from && !directions[from]?.includes(to);
    }).map((target) => `${path} imports ${target}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("a folder is entered through its mod.ts", () => {
  const wrong = product.filter(({ path }) => path.startsWith("src/")).flatMap(({ path, imports }) =>
    imports
      .filter((target) =>
        partOf(target) !== partOf(path) && target.split("/").length > 2 && !target.endsWith("/mod.ts")
      )
      .map((target) => `${path} imports ${target}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("no file imports itself through others", () => {
  const byPath = new Map(product.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") return void cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    state.set(path, "open");
    for (const target of valueImports(byPath.get(path))) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const { path } of product) visit(path, []);
  assert.deepEqual(cycles, []);
});

Deno.test("each external package has one owner", () => {
  const wrong = product.flatMap(({ path, packages }) =>
    packages.filter((name) => owners.some(([owned, owner]) => owned.test(name) && !owner.test(path)))
      .map((name) => `${path} imports ${name}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("FFI, environment and processes have one owner each", () => {
  const wrong = product.flatMap(({ path, text }) =>
    doings.filter(([what, owner]) => what.test(withoutComments(text)) && !owner.test(path)).map(([what]) =>
      `${path}: ${what}`
    )
  );
  assert.deepEqual(wrong, []);
});

Deno.test("no graph has an operator whose CUDA kernel takes memory without naming its stream", () => {
  const wrong = product.filter(({ path, text }) =>
    path.startsWith("src/engine/") && /"(Log)?Softmax"|"Expand"|"Einsum"/.test(text)
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("pure files have no effects", () => {
  const wrong = product.filter(({ path }) => pure.test(path)).flatMap(({ path, text }) => {
    const [effect] = effects.exec(withoutComments(text)) ?? [];
    return effect ? [`${path}: ${effect}`] : [];
  });
  assert.deepEqual(wrong, []);
});

Deno.test("files tell one story: at most 300 lines, and no drawer for leftovers", () => {
  const wrong = files.flatMap(({ path, text }) => {
    const lines = text.split("\n").length - 1;
    const isDrawer = /(^|[/_])(utils?|helpers?|common|misc|manager)(_|\.)/.test(path);
    return [...lines > 300 ? [`${path}: ${lines} lines`] : [], ...isDrawer ? [`${path}: a drawer`] : []];
  });
  assert.deepEqual(wrong, []);
});

async function sourceFiles(): Promise<SourceFile[]> {
  const paths: string[] = [];
  for (const folder of ["src", "static", "tests", "bench"]) await collect(folder, paths);
  for await (const { name } of Deno.readDir(root)) if (name.endsWith(".ts")) paths.push(name);
  return await Promise.all(paths.map(readSource));
}

async function collect(folder: string, paths: string[]): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) await collect(path, paths);
    else if (/\.(ts|js|css|html)$/.test(name)) paths.push(path);
  }
}

async function readSource(path: string): Promise<SourceFile> {
  const text = await Deno.readTextFile(join(root, path));
  const specifiers = importsOf(withoutComments(text)).map(({ specifier }) => specifier);
  return {
    path,
    text,
    imports: specifiers.filter(isRelative).map((specifier) => resolved(path, specifier)),
    packages: specifiers.filter((specifier) => !isRelative(specifier)),
  };
}

/** `import … from "x"`, `export … from "x"` and `import("x")`; `isType` when nothing of it is there at run time. */
function importsOf(text: string): { readonly specifier: string; readonly isType: boolean }[] {
  const statements = text.matchAll(
    /\b(import|export)\s+(type\s)?[^;"'()]*?from\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g,
  );
  return [...statements].map(([, , type, from, dynamic]) => ({
    specifier: (from ?? dynamic)!,
    isType: type !== undefined,
  }));
}

function valueImports(file: SourceFile | undefined): string[] {
  if (!file) return [];
  return importsOf(withoutComments(file.text))
    .filter(({ specifier, isType }) => isRelative(specifier) && !isType)
    .map(({ specifier }) => resolved(file.path, specifier));
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

function resolved(path: string, specifier: string): string {
  return relative(root, join(root, dirname(path), specifier));
}

function isTest(path: string): boolean {
  return /^(tests|bench)\//.test(path) || /_test\.[jt]s$/.test(path);
}

function partOf(path: string): string | undefined {
  return /^src\/([^/]+)/.exec(path)?.[1];
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}
