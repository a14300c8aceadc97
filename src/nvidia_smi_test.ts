import assert from "node:assert/strict";
import { join } from "node:path";
import { findGpus, parseGpus } from "./nvidia_smi.ts";

// Lines in the format that `nvidia-smi --help-query-gpu` documents for csv,noheader,nounits.
const laptop = "0, NVIDIA GeForce RTX 3060 Laptop GPU, 580.95.05, 8.6, 6144, 5712\n";
const two = "0, NVIDIA H200, 580.95.05, 9.0, 143771, 143149\n1, NVIDIA H200, 580.95.05, 9.0, 143771, 12\n";

Deno.test("parseGpus() reads one GPU and several", () => {
  assert.deepEqual(parseGpus(laptop), {
    kind: "found",
    gpus: [{
      index: 0,
      name: "NVIDIA GeForce RTX 3060 Laptop GPU",
      driverVersion: "580.95.05",
      computeCapability: [8, 6],
      memory: { totalBytes: 6144 * 2 ** 20, freeBytes: 5712 * 2 ** 20 },
    }],
  });
  const search = parseGpus(two);
  assert.ok(search.kind === "found");
  assert.deepEqual(search.gpus.map(({ memory }) => memory!.freeBytes / 2 ** 20), [143_149, 12]);
});

Deno.test("parseGpus() takes what a driver does not tell as unknown", () => {
  const search = parseGpus(
    "0, NVIDIA GB10, 580.95.05, 12.1, [N/A], [N/A]\r\n1, Tesla K80, 470.42.01, [N/A], 11441, 11441",
  );
  assert.ok(search.kind === "found");
  assert.deepEqual(search.gpus.map(({ memory }) => memory?.totalBytes), [undefined, 11_441 * 2 ** 20]);
  assert.deepEqual(search.gpus.map(({ computeCapability }) => computeCapability), [[12, 1], null]);
});

Deno.test("parseGpus() tells no GPU from a line it cannot read", () => {
  assert.deepEqual(parseGpus(""), { kind: "absent", why: "the driver sees no GPU" });
  assert.deepEqual(parseGpus("No devices were found"), { kind: "absent", why: "the driver sees no GPU" });
  for (const line of ["0, NVIDIA H200", "index, name, driver_version, compute_cap, memory.total, memory.free"]) {
    assert.deepEqual(parseGpus(line), {
      kind: "failed",
      why: `nvidia-smi printed a line that cannot be read: "${line}"`,
    });
  }
});

Deno.test("findGpus() says that there is no nvidia-smi, or what it complained about", async () => {
  const folder = await Deno.makeTempDir({ prefix: "framecast-smi-" });
  const program = async (script: string) => {
    const path = join(folder, "nvidia-smi");
    await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  };
  try {
    const missing = join(folder, "none");
    assert.deepEqual(await findGpus(missing), { kind: "absent", why: `there is no program "${missing}"` });
    const broken = await program('echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18');
    assert.deepEqual(await findGpus(broken), {
      kind: "failed",
      why: `"${broken}" ended with code 18: Failed to initialize NVML: Driver/library version mismatch`,
    });
    // It is asked for what the parser expects.
    const echo = await program(`case "$*" in
      "--query-gpu=index,name,driver_version,compute_cap,memory.total,memory.free --format=csv,noheader,nounits")
        echo "${laptop.trim()}";; *) exit 2;; esac`);
    assert.deepEqual(await findGpus(echo), parseGpus(laptop));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
