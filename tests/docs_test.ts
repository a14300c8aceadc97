/**
 * What the documents say, held against the repository: links, trees, samples of code, settings, calls, versions.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument } from "../src/routes/openapi.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => Deno.readTextFile(join(root, path));
const exists = (path: string) => Deno.stat(join(root, path)).then(() => true, () => false);
const documents = await markdownFiles();

Deno.test("every link of the documents leads somewhere", async () => {
  const dead: string[] = [];
  for (const path of documents) {
    for (const [, target] of withoutCode(await read(path)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, anchor] = target!.split("#") as [string, string?];
      const linked = file === "" ? path : relative(root, resolve(root, dirname(path), file));
      const isThere = await exists(linked) && (anchor === undefined || (await anchorsOf(linked)).includes(anchor));
      if (!isThere) dead.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

Deno.test("the tree of ARCHITECTURE.md is that of the repository", async () => {
  const named = treeOf(await read("ARCHITECTURE.md"));
  const missing = [];
  for (const path of named) if (!await exists(path)) missing.push(path);
  assert.deepEqual(missing, []);
  const folders = (await foldersBelow("src")).filter((path) => !named.includes(path));
  assert.deepEqual(folders, [], "every folder of src/ stands in the tree");
});

Deno.test("every file that a document names in its text is there", async () => {
  const missing: string[] = [];
  for (const path of documents.filter((path) => !path.startsWith("models/"))) {
    const text = withoutFences(await read(path));
    for (const [, name] of text.matchAll(/`((?:src|tests|static|docs|bench|models)\/[\w./-]*\w\/?)`/g)) {
      const isPlaceholder = /[A-Z]{4}/.test(name!.replace(/\w+\.md/, ""));
      if (!isPlaceholder && !await exists(name!)) missing.push(`${path}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

Deno.test("the samples of code in ARCHITECTURE.md are the code", async () => {
  const samples = [...(await read("ARCHITECTURE.md")).matchAll(/<!-- (\S+) -->\n\n```ts\n([\s\S]*?)```/g)];
  assert.ok(samples.length >= 4, `${samples.length} samples`);
  for (const [, path, code] of samples) {
    assert.ok((await read(path!)).includes(code!), `${path} does not hold:\n${code}`);
  }
});

Deno.test("the README lists every setting with its default", async () => {
  const rows = [...(await read("README.md")).matchAll(/^\| `(FRAMECAST_\w+)` +\| (?:`([^`]*)`)? *\|/gm)];
  const documented = rows.map(([, name, value = ""]) => `${name}=${value}`);
  // The example is proven equal to the defaults by a test of its own.
  const example = (await read(".env.example")).split("\n").filter((line) => line.startsWith("FRAMECAST_"));
  assert.deepEqual(documented, example);
});

Deno.test("the README lists every call of the API", async () => {
  const readme = await read("README.md");
  const table = readme.slice(readme.indexOf("| call"), readme.indexOf("Settings of a session"));
  const listed = [...table.matchAll(/`(GET|POST|PUT|DELETE) (\/[^`?]*)`/g)].map(([, ...call]) => call.join(" "));
  const { paths } = openApiDocument("0.0.0");
  const offered = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).filter((name) => ["get", "post", "put", "delete"].includes(name))
      .map((method) => `${method.toUpperCase()} ${path}`)
  );
  // Leaving a live picture is part of WHEP. The page that shows the document is no call.
  const inOneRow = ["DELETE /api/sessions/{id}/whep/{viewer}", "DELETE /api/channels/{name}/whep/{viewer}"];
  const pages = ["GET /api/docs"];
  assert.deepEqual([...listed, ...inOneRow].toSorted(), [...new Set([...offered, ...pages])].toSorted());
});

Deno.test("documents, container and CI name one version of Deno", async () => {
  const places = ["README.md", "CONTRIBUTING.md", "models/emoji/README.md", "Dockerfile", ".ci/run"];
  const versions = await Promise.all(places.map(async (place) => {
    const found = [...(await read(place)).matchAll(/deno@([\d.]+\d)/g)].map(([, version]) => version!);
    assert.ok(found.length > 0, place);
    return found;
  }));
  assert.equal(new Set(versions.flat()).size, 1, versions.flat().join(", "));
});

Deno.test("the newest entry of CHANGELOG.md is this version", async () => {
  const { version } = JSON.parse(await read("deno.json"));
  assert.equal(/^## (\S+)/m.exec(await read("CHANGELOG.md"))?.[1], version);
});

Deno.test("each decision record has its number, context, choice and price", async () => {
  const names = documents.filter((path) => path.startsWith("docs/decisions/")).toSorted();
  assert.ok(names.length > 0);
  for (const [index, path] of names.entries()) {
    const text = await read(path);
    assert.ok(path.startsWith(`docs/decisions/${String(index + 1).padStart(4, "0")}-`), path);
    assert.match(text, new RegExp(`^# ${index + 1}\\. `));
    assert.deepEqual(
      [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title),
      ["Context", "Choice", "Given up"],
      path,
    );
  }
});

/** Folders with documents of ours; others hold what was installed or made. */
async function markdownFiles(): Promise<string[]> {
  const found: string[] = [];
  const collect = async (dir: string) => {
    for await (const { name, isFile, isDirectory } of Deno.readDir(join(root, dir))) {
      const path = dir === "" ? name : `${dir}/${name}`;
      if (isFile && name.endsWith(".md")) found.push(path);
      else if (isDirectory && (dir !== "" || ["docs", "models", "tests", "bench"].includes(name))) await collect(path);
    }
  };
  await collect("");
  return found;
}

async function foldersBelow(dir: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, dir))) {
    if (isDirectory) folders.push(`${dir}/${name}`, ...await foldersBelow(`${dir}/${name}`));
  }
  return folders;
}

/** Paths of the indented tree: each line is a name and what it is. */
function treeOf(text: string): string[] {
  const [, tree] = /```\n(deno\.json[\s\S]*?)```/.exec(text) ?? [];
  assert.ok(tree, "there is a tree");
  const parents: string[] = [];
  return tree.trimEnd().split("\n").map((line) => {
    const [, indent, name] = /^( *)(\S+)/.exec(line)!;
    const depth = indent!.length / 2;
    parents.length = depth;
    parents.push(name!.replace(/\/$/, ""));
    return parents.join("/");
  });
}

/** As GitHub makes them of headings. */
async function anchorsOf(path: string): Promise<string[]> {
  const headings = [...withoutFences(await read(path)).matchAll(/^#+ (.+)$/gm)];
  return headings.map(([, title]) => title!.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"));
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "");
}

function withoutCode(text: string): string {
  return withoutFences(text).replaceAll(/`[^`\n]*`/g, "");
}
