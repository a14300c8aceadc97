/*
 * A CUDA runtime whose GPU is main memory, for tests of src/engine/onnx/cuda_memory.ts: it has one device of 1 MB, or of what the test says, carries
 * out a copy only when an event after it is waited for and the test lets it, and tells what was done with what it gave.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ok = 0, outOfMemory = 2, invalidDevice = 101, illegalAddress = 700 };
static size_t memory = 1 << 20, others;
static size_t taken, locked;
static int streams, events, broken;
static volatile int held; /* copies wait until the test lets them go */

static struct { void *to; const void *from; size_t bytes; } copies[64];
static int copyCount;

int cudaGetDeviceCount(int *count) { *count = 1; return ok; }
int cudaSetDevice(int index) { return index == 0 ? ok : invalidDevice; }
int cudaMemGetInfo(size_t *freeBytes, size_t *all) { *freeBytes = memory - others - taken; *all = memory; return ok; }

/* Sizes stand before what they are the sizes of. */
static void *sized(size_t bytes) {
  size_t *block = malloc(256 + bytes);
  *block = bytes;
  return (char *)block + 256;
}
static size_t freed(void *address) {
  size_t *block = (size_t *)((char *)address - 256);
  size_t bytes = *block;
  free(block);
  return bytes;
}

int cudaMalloc(void **out, size_t bytes) {
  if (others + taken + bytes > memory) return outOfMemory;
  taken += bytes;
  *out = memset(sized(bytes), 0, bytes);
  return ok;
}
int cudaFree(void *address) { taken -= freed(address); return ok; }
int cudaMallocHost(void **out, size_t bytes) { locked += bytes; *out = sized(bytes); return ok; }
int cudaFreeHost(void *address) { locked -= freed(address); return ok; }

int cudaStreamCreateWithFlags(void **out, unsigned flags) { streams++; *out = &streams; return flags == 1 ? ok : invalidDevice; }
int cudaStreamDestroy(void *stream) { streams--; return stream == &streams ? ok : invalidDevice; }
int cudaEventCreateWithFlags(void **out, unsigned flags) { events++; *out = malloc(sizeof(int)); return flags == 3 ? ok : invalidDevice; }
int cudaEventDestroy(void *event) { events--; free(event); return ok; }

int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int direction, void *stream) {
  if (direction != 1 || stream != &streams) return invalidDevice;
  copies[copyCount].to = to;
  copies[copyCount].from = from;
  copies[copyCount++].bytes = bytes;
  return ok;
}
int cudaEventRecord(void *event, void *stream) { *(int *)event = copyCount; return stream == &streams ? ok : invalidDevice; }
int cudaEventSynchronize(void *event) {
  if (broken) return illegalAddress;
  while (held) usleep(1000); /* the thread of the test is another one */
  static int done;
  for (; done < *(int *)event; done++) memcpy(copies[done].to, copies[done].from, copies[done].bytes);
  return ok;
}

const char *cudaGetErrorString(int code) { return code == outOfMemory ? "out of memory" : "something else"; }

/* For the test alone. */
void fakeCard(size_t all, size_t takenByOthers) { memory = all; others = takenByOthers; }
size_t fakeTaken(void) { return taken; }
size_t fakeLocked(void) { return locked; }
int fakeObjects(void) { return streams + events; }
void fakeHold(int hold) { held = hold; }
void fakeBreak(void) { broken = 1; }
