import assert from "node:assert/strict";
import { DeviceError, errorOfReport, reportOfError } from "../errors.ts";
import { cudaError, deviceErrorIn } from "./cuda_faults.ts";

/** As ONNX Runtime 1.31 writes them. */
const messages = {
  driver:
    'provider_options_utils.h:187 Parse Failed to parse provider option "device_id": CUDA failure 35: CUDA driver ' +
    "version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/x.cc ; line=70 ; " +
    "expr=cudaGetDeviceCount(&num_devices);",
  full: "CUDA failure 2: out of memory ; GPU=0 ; hostname=vm ; file=/onnxruntime_src/x.cc ; line=1 ; expr=cudaMalloc;",
  arena:
    "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal" +
    " Failed to allocate memory for requested buffer of size 453096448",
  limit: "Available memory of 1000 is smaller than requested bytes of 2000",
  cublas: "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=vm ; expr=cublasCreate(&handle);",
  lost:
    "Non-zero status code returned while running Gemm node. Name:'attn.to_q/Gemm' Status Message: CUDA failure 700: an " +
    "illegal memory access was encountered ; GPU=0 ; hostname=vm ; expr=cudaGetLastError();",
  cudnn:
    "cuDNN is unavailable or disabled for CUDA Execution Provider: dlopen failed for libcudnn.so: libcudnn.so: cannot " +
    "open shared object file: No such file or directory",
  crashed: "CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=vm ; expr=cublasGemmEx(…);",
};

Deno.test("deviceErrorIn() finds what befell the GPU, and leaves places in source files out", () => {
  const told = Object.fromEntries(
    Object.entries(messages).map(([name, message]) => {
      const error = deviceErrorIn(message)!;
      return [name, [error.fault, error.message]];
    }),
  );
  assert.deepEqual(told, {
    driver: [
      "missing",
      "The GPU cannot be used (CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version)",
    ],
    full: ["out of memory", "The GPU's memory is full (CUDA failure 2: out of memory)"],
    arena: [
      "out of memory",
      "The GPU's memory is full (Failed to allocate memory for requested buffer of size 453096448)",
    ],
    limit: [
      "out of memory",
      "The GPU's memory is full (Available memory of 1000 is smaller than requested bytes of 2000)",
    ],
    cublas: ["out of memory", "The GPU's memory is full (CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED)"],
    lost: ["lost", "The GPU was lost (CUDA failure 700: an illegal memory access was encountered)"],
    cudnn: [
      "missing",
      "The GPU cannot be used (dlopen failed for libcudnn.so: libcudnn.so: cannot open shared object file: No such file or " +
      "directory)",
    ],
    crashed: ["lost", "The GPU was lost (CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED)"],
  });
});

Deno.test("deviceErrorIn() finds nothing in what tells of a graph or of its inputs", () => {
  for (
    const message of [
      "Got invalid dimensions for input: x",
      "CUDA kernel not found for Det(22)",
      "CUDA failure 1: invalid argument ; GPU=0",
    ]
  ) {
    assert.equal(deviceErrorIn(message), undefined);
  }
});

Deno.test("cudaError() says what could not be done, and takes an unheard-of code for a loss", () => {
  assert.equal(
    cudaError(2, "out of memory", "take 454 MB of the memory of GPU 0").message,
    "Cannot take 454 MB of the memory of GPU 0: there is not enough (CUDA error 2: out of memory)",
  );
  assert.deepEqual(
    [cudaError(46, "busy", "use GPU 0").fault, cudaError(12345, "?", "use GPU 0").fault],
    ["missing", "lost"],
  );
});

Deno.test("a device's fault crosses the border of the engine process", () => {
  const error = errorOfReport(reportOfError(new DeviceError("out of memory", "The GPU's memory is full")));
  assert.ok(error instanceof DeviceError);
  assert.deepEqual([error.fault, error.message], ["out of memory", "The GPU's memory is full"]);
});
