import assert from "node:assert/strict";
import {
  CheckpointError,
  DeviceError,
  EngineLostError,
  InferenceError,
  MemoryShortageError,
  RequestError,
} from "../engine/mod.ts";
import { RecordingError, StoreError } from "../stream/mod.ts";
import { generationProblem, isDiskFull, problemKinds } from "./problem.ts";

const kindOf = (error: unknown, kept = 2.3) => generationProblem(error, 3, kept).type.split("#problem-")[1];

Deno.test("generationProblem() tells each reason apart", () => {
  assert.equal(kindOf(new EngineLostError("x")), "engine-lost");
  assert.equal(
    kindOf(new InferenceError("Failed to allocate memory for requested buffer of size 3100")),
    "out-of-memory",
  );
  assert.equal(kindOf(new InferenceError("shape mismatch")), "inference-failed");
  assert.equal(kindOf(new DeviceError("out of memory", "Cannot take 454 MB")), "out-of-memory");
  assert.equal(kindOf(new DeviceError("lost", "The GPU was lost")), "gpu-lost");
  assert.equal(kindOf(new DeviceError("missing", "Cannot use CUDA device 0: libcudart.so.13")), "gpu-missing");
  assert.equal(kindOf(new CheckpointError('"vae" has no "decoder.conv_in.weight"')), "model-broken");
  assert.equal(kindOf(new RequestError("resolution", "x")), "invalid-request");
  assert.equal(kindOf(new StoreError("Cannot store frames 1 to 2: no space is left on the disk")), "disk-full");
  assert.equal(kindOf(new RecordingError("Cannot record: moov")), "recording-failed");
  assert.equal(kindOf(new Error("?")), "internal");
});

Deno.test("generationProblem() says where it happened and what is kept", () => {
  assert.match(
    generationProblem(new EngineLostError("x"), 3, 2.3).detail,
    /in section 3;.*The 2.3 s made so far are kept\.$/,
  );
  assert.match(
    generationProblem(new EngineLostError("x"), 0, 0).detail,
    /before the first section;.*Nothing was finished yet\.$/,
  );
  assert.match(
    generationProblem(new StoreError("os error 28"), 1, 0).detail,
    /^The disk is full\. Nothing .* start it again\.$/,
  );
});

Deno.test("generationProblem() has the bytes that are missing and the next size that fits", () => {
  const shortage = { neededBytes: 9, limitBytes: 4, missingBytes: 5, fittingSize: { widthPx: 96, heightPx: 80 } };
  assert.deepEqual(generationProblem(new MemoryShortageError("640 × 608 needs 9 bytes", shortage), 0, 0), {
    type: "/api/docs#problem-gpu-too-small",
    title: "The GPU's memory is too small",
    status: 422,
    detail: "640 × 608 needs 9 bytes. Nothing was finished yet.",
    field: "resolution",
    ...shortage,
  });
});

Deno.test("isDiskFull() looks through causes", () => {
  assert.ok(isDiskFull(new Error("outer", { cause: new Error("No space left on device (os error 28)") })));
  assert.ok(!isDiskFull(new Error("outer", { cause: "ENOSPC" })));
  assert.ok(!isDiskFull("ENOSPC"));
});

Deno.test("every problem has an HTTP status and a title", () => {
  for (const [kind, [status, title]] of Object.entries(problemKinds)) {
    assert.ok(status >= 400 && status < 600, kind);
    assert.ok(title.length > 0);
  }
});
