/** How the embedded model is trained, by its own tests in Python. Skipped where no Python has the packages. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../training", import.meta.url));
const packages = ["torch", "diffusers", "transformers", "tokenizers", "safetensors", "numpy", "PIL", "pytest"];
const python = await pythonWithPackages();

/** The one of the benchmarks, else the system's; looked for without importing anything. */
async function pythonWithPackages(): Promise<string | undefined> {
  const program = `import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ${JSON.stringify(packages)})))`;
  for (const candidate of [Deno.env.get("FRAMECAST_BENCH_PYTHON"), "python3"]) {
    if (!candidate) continue;
    const probe = new Deno.Command(candidate, { args: ["-c", program], stdout: "null", stderr: "null" });
    if ((await probe.output().catch(() => null))?.success) return candidate;
  }
  return undefined;
}

Deno.test({
  name: "the training's data, packing, networks and checkpoints (Python with training/requirements.txt)",
  ignore: python === undefined,
  async fn() {
    const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"];
    const { code, stdout } = await new Deno.Command(python!, { args, cwd: folder, stderr: "inherit" }).output();
    assert.equal(code, 0, new TextDecoder().decode(stdout));
  },
});
