// Devices, versions, and what every function of the runtime asks before it acts.
#include <cstdio>
#include <cstring>

#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

constexpr int kRuntimeVersion = 13000;
constexpr int kProcessors = 132;
// Small: who empties the cache before each timing would else wait for the host's memory.
constexpr int kCacheBytes = 1 << 20;
thread_local int current = 0;

int compute() { return static_cast<int>(setting("compute")); }

/// Dynamic shared memory that a block may ask for, by compute capability.
int shared_memory() {
  switch (compute()) {
    case 80:
    case 87:
      return 163 * 1024;
    case 75:
      return 64 * 1024;
    case 86:
    case 89:
    case 120:
      return 99 * 1024;
    default:
      return 227 * 1024;
  }
}

bool breaks_captures(const Capture& capture) {
  return capture.mode == cudaStreamCaptureModeGlobal ||
         (capture.mode == cudaStreamCaptureModeThreadLocal && capture.thread == std::this_thread::get_id());
}

cudaError_t check_device(int device) {
  if (device >= 0 && device < setting("devices")) return cudaSuccess;
  return refuse(cudaErrorInvalidDevice, "There is no device " + std::to_string(device) + ".");
}

}  // namespace

State& state() {
  // Never destroyed: other shared objects may end after this one and still call.
  static State& one = *new State;
  return one;
}

int current_device() { return current; }

cudaError_t machine_error() {
  if (setting("driver") < kRuntimeVersion) return cudaErrorInsufficientDriver;
  return setting("devices") == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t enter_machine(const char* function) {
  const int fault = function == nullptr ? 0 : emulation_fault(function);
  return fault != 0 ? static_cast<cudaError_t>(fault) : machine_error();
}

cudaError_t enter(const char* function) {
  if (const cudaError_t error = enter_machine(function)) return error;
  const auto dead = state().dead.find(current);
  return dead == state().dead.end() ? cudaSuccess : dead->second;
}

cudaError_t enter_creation(const char* function) {
  if (const cudaError_t error = enter(function)) return error;
  if (refuse_creation(function)) return cudaErrorNotPermitted;
  cudaError_t error = cudaSuccess;
  for (const auto& [handle, stream] : state().streams.all()) {
    if (stream->capture == nullptr || !breaks_captures(*stream->capture)) continue;
    stream->capture->broken = true;
    error = refuse(cudaErrorStreamCaptureUnsupported,
                   std::string(function) + " is illegal while a stream records a graph.");
  }
  return error;
}

void revive_devices() {
  const std::lock_guard lock(state().mutex);
  for (const auto& [device, error] : state().dead) {
    state().default_streams[device].queue.clear();
    for (const auto& [handle, stream] : state().streams.all()) {
      if (stream->device == device) stream->queue.clear();
    }
  }
  state().dead.clear();
}

}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  const std::lock_guard lock(state().mutex);
  *count = 0;
  if (const cudaError_t error = enter_machine("cudaGetDeviceCount")) return give(error);
  *count = static_cast<int>(setting("devices"));
  return give(cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = machine_error()) return give(error);
  if (const cudaError_t error = check_device(device)) return error;
  current = device;
  return give(enter("cudaSetDevice"));
}

cudaError_t cudaGetDevice(int* device) {
  const std::lock_guard lock(state().mutex);
  *device = current;
  return give(enter("cudaGetDevice"));
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = static_cast<int>(setting("driver"));
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kRuntimeVersion;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter_machine("cudaDeviceGetAttribute")) return give(error);
  if (const cudaError_t error = check_device(device)) return error;
  const struct {
    cudaDeviceAttr attribute;
    int value;
  } rows[] = {
      {cudaDevAttrComputeCapabilityMajor, compute() / 10},
      {cudaDevAttrComputeCapabilityMinor, compute() % 10},
      {cudaDevAttrMultiProcessorCount, kProcessors},
      {cudaDevAttrMaxThreadsPerBlock, 1024},
      {cudaDevAttrMaxThreadsPerMultiProcessor, 2048},
      {cudaDevAttrWarpSize, 32},
      {cudaDevAttrMaxSharedMemoryPerBlock, 48 * 1024},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, shared_memory()},
      {cudaDevAttrMaxSharedMemoryPerMultiprocessor, shared_memory() + 1024},
      {cudaDevAttrL2CacheSize, kCacheBytes},
      {cudaDevAttrClockRate, 1755000},
      {cudaDevAttrMemoryClockRate, 2619000},
      {cudaDevAttrGlobalMemoryBusWidth, 5120},
      {cudaDevAttrComputeMode, cudaComputeModeDefault},
      {cudaDevAttrIntegrated, 0},
      {cudaDevAttrUnifiedAddressing, 1},
      {cudaDevAttrEccEnabled, 1},
      {cudaDevAttrPciBusId, device + 1},
      {cudaDevAttrPciDeviceId, 0},
      {cudaDevAttrPciDomainId, 0},
  };
  for (const auto& row : rows) {
    if (row.attribute != attribute) continue;
    *value = row.value;
    return give(cudaSuccess);
  }
  return refuse(cudaErrorInvalidValue,
                "The stand-in does not know device attribute " + std::to_string(attribute) + ".");
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter_machine("cudaGetDeviceProperties")) return give(error);
  if (const cudaError_t error = check_device(device)) return error;
  std::memset(properties, 0, sizeof(*properties));
  std::snprintf(properties->name, sizeof(properties->name), "emulated GPU");
  std::memset(&properties->uuid, 0x24, sizeof(properties->uuid));
  properties->uuid.bytes[15] = static_cast<char>(device);
  properties->totalGlobalMem = static_cast<size_t>(setting("memory")) << 20;
  properties->major = compute() / 10;
  properties->minor = compute() % 10;
  properties->multiProcessorCount = kProcessors;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = static_cast<size_t>(shared_memory());
  properties->sharedMemPerMultiprocessor = static_cast<size_t>(shared_memory()) + 1024;
  properties->l2CacheSize = kCacheBytes;
  properties->memoryBusWidth = 5120;
  properties->pciBusID = device + 1;
  properties->unifiedAddressing = 1;
  properties->ECCEnabled = 1;
  return give(cudaSuccess);
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute attribute, int value) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaFuncSetAttribute")) return give(error);
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && (value < 0 || value > shared_memory())) {
    return refuse(cudaErrorInvalidValue, "A kernel asks for " + std::to_string(value) +
                                             " bytes of shared memory, of which this device has " +
                                             std::to_string(shared_memory()) + ".");
  }
  return give(cudaSuccess);
}

cudaError_t cudaDeviceSynchronize() {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaDeviceSynchronize")) return give(error);
  if (refuse_synchronisation("cudaDeviceSynchronize")) return give(cudaErrorNotPermitted);
  for (const auto& [handle, stream] : state().streams.all()) {
    if (stream->capture == nullptr) continue;
    stream->capture->broken = true;
    return refuse(cudaErrorStreamCaptureUnsupported,
                  "cudaDeviceSynchronize is illegal while a stream records a graph.");
  }
  return give(drain_device(current, false));
}
}
