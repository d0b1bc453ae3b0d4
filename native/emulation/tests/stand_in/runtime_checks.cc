#include <stdexcept>

#include "emulation/runtime/enqueue.h"
#include "emulation/tests/stand_in/check.h"

namespace twofour::emulation::checks {
namespace {

constexpr uint32_t kPoison = 0xFFFFFFFF;

void fill(Pinned& pinned, uint32_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) pinned.data()[i] = value + static_cast<uint32_t>(i);
}

void check_devices() {
  int count = 0, major = 0;
  cudaDeviceProp properties{};
  check(cudaGetDeviceCount(&count) == cudaSuccess && count == 1, "there is one device");
  check(cudaGetDeviceProperties(&properties, 0) == cudaSuccess && properties.major == 9,
        "its properties are known");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess && major == 9,
        "an attribute is known");
  check(cudaGetDeviceProperties(&properties, 7) == cudaErrorInvalidDevice,
        "a device that is none is refused");
  check_breach("no device 7", "a device that is none");
  check(cudaGetLastError() == cudaErrorInvalidDevice && cudaGetLastError() == cudaSuccess,
        "the last error is told once");
  check(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation",
        "errors have names");
}

void check_lateness() {
  Stream stream;
  Device device(64);
  Pinned from(16), to(16);
  check(reinterpret_cast<uintptr_t>(device.as()) % 256 == 0, "device memory is aligned to 256 bytes");
  check(*device.as<uint32_t>() == kPoison && to.data()[0] == kPoison, "new memory is poisoned");
  fill(from, 100, 16);
  cudaMemcpyAsync(device.as(), from.data(), 64, cudaMemcpyHostToDevice, stream.handle);
  check(*device.as<uint32_t>() == kPoison, "a copy does not run when it is queued");
  cudaStreamSynchronize(stream.handle);
  check(*device.as<uint32_t>() == 100, "a copy ran when its stream was synchronised");
  to.data()[0] = 5;
  cudaMemcpyAsync(to.data(), device.as(), 64, cudaMemcpyDeviceToHost, stream.handle);
  check(to.data()[0] == kPoison, "what a copy will fill is poisoned until then");
  cudaStreamSynchronize(stream.handle);
  check(to.data()[15] == 115, "and holds the copy then");
  cudaMemcpyAsync(device.as(), from.data(), 64, cudaMemcpyHostToDevice, stream.handle);
  from.data()[0] = 7;
  cudaStreamSynchronize(stream.handle);
  check(*device.as<uint32_t>() == 7, "a staging buffer that is used again too early gives wrong data");
  check_clean("copies");
}

void check_events() {
  Stream one, other;
  Device device(64);
  Pinned from(16), to(16);
  cudaEvent_t event, later;
  cudaEventCreateWithFlags(&event, cudaEventDefault);
  cudaEventCreateWithFlags(&later, cudaEventDefault);
  fill(from, 1, 16);
  cudaMemcpyAsync(device.as(), from.data(), 64, cudaMemcpyHostToDevice, one.handle);
  cudaMemcpyAsync(to.data(), device.as(), 64, cudaMemcpyDeviceToHost, other.handle);
  cudaStreamSynchronize(other.handle);
  check(to.data()[0] == kPoison, "a stream that does not wait for another sees nothing of it");
  cudaEventRecord(event, one.handle);
  cudaStreamWaitEvent(other.handle, event, 0);
  cudaMemcpyAsync(to.data(), device.as(), 64, cudaMemcpyDeviceToHost, other.handle);
  cudaEventRecord(later, other.handle);
  float milliseconds = -1;
  check(cudaEventElapsedTime(&milliseconds, event, later) == cudaErrorNotReady,
        "a time is not there before its events");
  cudaEventSynchronize(later);
  check(to.data()[0] == 1, "a stream that waits for an event sees what was before it");
  check(cudaEventElapsedTime(&milliseconds, event, later) == cudaSuccess && milliseconds > 0,
        "events tell modelled time");
  cudaMemsetAsync(device.as(), 0, 64, one.handle);
  cudaEventRecord(event, one.handle);
  int polls = 0;
  while (cudaEventQuery(event) == cudaErrorNotReady) ++polls;
  check(polls > 0 && *device.as<uint32_t>() == 0, "asking for an event again and again has an end");
  check_clean("events");
  cudaEventDestroy(event);
  cudaEventDestroy(later);
  check(cudaEventRecord(event, one.handle) == cudaErrorInvalidResourceHandle,
        "an event is not used after destroy");
  check_breach("event was never created, or was destroyed", "an event after destroy");
}

void check_default_stream() {
  Stream other;
  Device device(64);
  Pinned from(16);
  uint32_t pageable[16] = {};
  fill(from, 9, 16);
  cudaMemcpyAsync(device.as(), from.data(), 64, cudaMemcpyHostToDevice, nullptr);
  cudaMemcpy(pageable, device.as(), 64, cudaMemcpyDeviceToHost);
  check(pageable[0] == 9, "a blocking copy comes after the default stream");
  cudaMemsetAsync(device.as(), 0, 64, other.handle);
  cudaMemcpy(pageable, device.as(), 64, cudaMemcpyDeviceToHost);
  check(pageable[0] == 9, "and does not wait for a stream that does not block");
  cudaDeviceSynchronize();
  cudaMemcpy(pageable, device.as(), 64, cudaMemcpyDeviceToHost);
  check(pageable[0] == 0, "the whole device does");
  check_clean("the default stream");
}

void check_memory_rules() {
  Stream stream;
  Device device(64);
  Pinned pinned(16);
  uint32_t pageable[16] = {};
  check(cudaMemcpyAsync(device.as(), pageable, 64, cudaMemcpyHostToDevice, stream.handle) != cudaSuccess,
        "pageable memory is refused");
  check_breach("to be pinned host memory", "pageable memory in an asynchronous copy");
  check(cudaMemcpyAsync(device.as(), pinned.data(), 64, cudaMemcpyDeviceToHost, stream.handle) != cudaSuccess,
        "a wrong direction is refused");
  check_breach("direction", "a copy in the wrong direction");
  check(cudaMemcpyAsync(device.as(), pinned.data(), 65, cudaMemcpyHostToDevice, stream.handle) != cudaSuccess,
        "a long copy is refused");
  check_breach("runs 1 bytes past the end", "a copy past the end");
  check(cudaMemsetAsync(pinned.data(), 0, 64, stream.handle) != cudaSuccess,
        "a fill of host memory is refused");
  check_breach("to be device memory", "a fill of host memory");
  void* memory = nullptr;
  cudaMalloc(&memory, 32);
  cudaMemsetAsync(memory, 0, 32, stream.handle);
  check(cudaFree(memory) != cudaSuccess, "memory in use is not freed");
  check_breach("while `cudaMemsetAsync` is queued", "free of memory in use");
  cudaStreamSynchronize(stream.handle);
  enqueue_kernel(stream.handle, [] {});
  check(cudaFree(memory) != cudaSuccess, "memory that a kernel may use is not freed");
  check_breach("for all that is known", "free while a kernel is queued");
  cudaStreamSynchronize(stream.handle);
  check(cudaFree(memory) == cudaSuccess, "memory is freed");
  check(cudaFree(memory) != cudaSuccess, "memory is freed once");
  check_breach("freed before", "a double free");
  check(cudaFree(pinned.data()) != cudaSuccess, "pinned memory is not device memory");
  check_breach("no such allocation", "free of the other kind");
  check(cudaFree(nullptr) == cudaSuccess, "null may be freed");
}

void check_outstanding() {
  Stream stream;
  Device device(64);
  Pinned pinned(16);
  check(std::string(emulation_outstanding()) ==
            "1 device allocation, 1 pinned allocation, 1 stream (128 bytes)",
        "what is not released is outstanding");
}

void check_hot_path() {
  Stream stream;
  Device device(64);
  Pinned pinned(16);
  emulation_forbid_creation(1);
  void* memory = nullptr;
  check(cudaMalloc(&memory, 16) == cudaErrorNotPermitted, "nothing is allocated on the hot path");
  check_breach("cudaMalloc on the hot path", "allocation on the hot path");
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, 0) == cudaErrorNotPermitted, "nothing is created on the hot path");
  check_breach("cudaEventCreateWithFlags on the hot path", "creation on the hot path");
  check(cudaMemcpyAsync(pinned.data(), device.as(), 64, cudaMemcpyDeviceToHost, stream.handle) == cudaSuccess,
        "work is queued");
  check(cudaStreamSynchronize(stream.handle) == cudaSuccess, "one synchronisation is allowed");
  check_clean("the hot path");
  check(cudaMemsetAsync(device.as(), 0, 64, stream.handle) == cudaErrorNotPermitted, "which is the last act");
  check_breach("after its one synchronisation", "work after the last act");
  check(cudaStreamSynchronize(stream.handle) == cudaErrorNotPermitted, "and the only one");
  check_breach("had its one synchronisation", "a second synchronisation");
  emulation_forbid_creation(0);
  emulation_forbid_creation_everywhere(1);
  check(cudaMalloc(&memory, 16) == cudaErrorNotPermitted, "it may be forbidden for all threads");
  check_breach("cudaMalloc on the hot path", "allocation on the hot path of all");
  emulation_forbid_creation_everywhere(0);
}

}  // namespace

void check_runtime() {
  check_devices();
  check_lateness();
  check_events();
  check_default_stream();
  check_memory_rules();
  check_outstanding();
  check_hot_path();
}

}  // namespace twofour::emulation::checks
