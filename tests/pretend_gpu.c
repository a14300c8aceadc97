/*
 * A GPU that is not there, for `pretend_gpu_test.ts`: preloaded before the CUDA runtime, it answers for a Hopper card whose
 * memory is main memory and whose kernels do nothing. ONNX Runtime's CUDA provider then does all that comes before a
 * kernel: it places operators, binds memory, chooses attention kernels. Results are whatever lies in memory.
 * Compiled with the header of CUDA 13; it is the driver's library as well.
 */
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#define CUDA cudaError_t CUDARTAPI
static int object; /* every stream, event and handle */

CUDA cudaGetDeviceCount(int *count) { *count = 1; return cudaSuccess; }
CUDA cudaSetDevice(int index) { return index == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
CUDA cudaGetDevice(int *index) { *index = 0; return cudaSuccess; }
CUDA cudaGetDeviceProperties(struct cudaDeviceProp *card, int index) {
  memset(card, 0, sizeof *card);
  strcpy(card->name, "pretended");
  card->major = 9;
  card->multiProcessorCount = 132;
  card->totalGlobalMem = 80ull << 30;
  card->warpSize = 32;
  card->maxThreadsPerBlock = 1024;
  card->maxThreadsPerMultiProcessor = 2048;
  card->regsPerBlock = 65536;
  card->sharedMemPerBlock = 49152;
  card->sharedMemPerBlockOptin = 232448;
  card->sharedMemPerMultiprocessor = 233472;
  return cudaSuccess;
}
CUDA cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what, int index) {
  *value = what == cudaDevAttrComputeCapabilityMajor ? 9
         : what == cudaDevAttrComputeCapabilityMinor ? 0
         : what == cudaDevAttrMultiProcessorCount ? 132
         : what == cudaDevAttrMaxSharedMemoryPerBlockOptin ? 232448 : 1;
  return cudaSuccess;
}
CUDA cudaDriverGetVersion(int *version) { *version = 13000; return cudaSuccess; }
CUDA cudaRuntimeGetVersion(int *version) { *version = 13000; return cudaSuccess; }
CUDA cudaMemGetInfo(size_t *freeBytes, size_t *all) { *freeBytes = 70ull << 30; *all = 80ull << 30; return cudaSuccess; }

CUDA cudaMalloc(void **out, size_t bytes) {
  *out = aligned_alloc(256, (bytes + 255) / 256 * 256);
  return *out ? cudaSuccess : cudaErrorMemoryAllocation;
}
CUDA cudaMallocHost(void **out, size_t bytes) { return cudaMalloc(out, bytes); }
CUDA cudaHostAlloc(void **out, size_t bytes, unsigned flags) { return cudaMalloc(out, bytes); }
CUDA cudaFree(void *address) { free(address); return cudaSuccess; }
CUDA cudaFreeHost(void *address) { free(address); return cudaSuccess; }
CUDA cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) { memcpy(to, from, bytes); return cudaSuccess; }
CUDA cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
  memcpy(to, from, bytes);
  return cudaSuccess;
}
CUDA cudaMemset(void *to, int value, size_t bytes) { memset(to, value, bytes); return cudaSuccess; }
CUDA cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) { memset(to, value, bytes); return cudaSuccess; }

CUDA cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) { *out = (void *)&object; return cudaSuccess; }
CUDA cudaStreamDestroy(cudaStream_t stream) { return cudaSuccess; }
CUDA cudaStreamSynchronize(cudaStream_t stream) { return cudaSuccess; }
CUDA cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) { return cudaSuccess; }
CUDA cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) { *status = 0; return cudaSuccess; }
CUDA cudaEventCreate(cudaEvent_t *out) { *out = (void *)&object; return cudaSuccess; }
CUDA cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags) { *out = (void *)&object; return cudaSuccess; }
CUDA cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return cudaSuccess; }
CUDA cudaEventSynchronize(cudaEvent_t event) { return cudaSuccess; }
CUDA cudaEventQuery(cudaEvent_t event) { return cudaSuccess; }
CUDA cudaEventDestroy(cudaEvent_t event) { return cudaSuccess; }
CUDA cudaDeviceSynchronize(void) { return cudaSuccess; }
CUDA cudaGetLastError(void) { return cudaSuccess; }
CUDA cudaPeekAtLastError(void) { return cudaSuccess; }
const char *CUDARTAPI cudaGetErrorString(cudaError_t code) { return "pretended"; }

CUDA cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute what, int value) { return cudaSuccess; }
CUDA cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *kernel) {
  memset(out, 0, sizeof *out);
  out->binaryVersion = out->ptxVersion = 90;
  return cudaSuccess;
}
CUDA cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int size, size_t shared) { *blocks = 1; return cudaSuccess; }
CUDA cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *kernel, int size, size_t shared, unsigned flags) {
  *blocks = 1;
  return cudaSuccess;
}
CUDA cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments, size_t shared, cudaStream_t stream) { return cudaSuccess; }
CUDA cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *kernel, void **arguments) { return cudaSuccess; }

/* cuBLAS: 0 is success. */
int cublasCreate_v2(void **out) { *out = &object; return 0; }
int cublasDestroy_v2(void *handle) { return 0; }
int cublasSetStream_v2(void *handle, void *stream) { return 0; }
int cublasSetWorkspace_v2(void *handle, void *workspace, size_t bytes) { return 0; }
int cublasSetMathMode(void *handle, int mode) { return 0; }
int cublasGetMathMode(void *handle, int *mode) { *mode = 0; return 0; }
int cublasGemmEx() { return 0; }
int cublasSgemm_v2() { return 0; }
int cublasHgemm() { return 0; }
int cublasGemmStridedBatchedEx() { return 0; }
int cublasLtCreate(void **out) { *out = &object; return 0; }
int cublasLtDestroy(void *handle) { return 0; }

/* All that the provider takes from the driver itself. */
int cuTensorMapEncodeTiled() { return 0; }
