#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "emulation/runtime/enqueue.h"
#include "emulation/tests/stand_in/check.h"

namespace twofour::emulation::checks {
namespace {

void check_out_of_memory() {
  void *one = nullptr, *other = nullptr;
  emulation_fail("cudaMalloc", 2, cudaErrorMemoryAllocation);
  check(cudaMalloc(&one, 16) == cudaSuccess && cudaMalloc(&other, 16) == cudaErrorMemoryAllocation &&
            other == nullptr,
        "the second allocation fails");
  check(cudaMalloc(&other, 16) == cudaSuccess, "and the third does not");
  cudaFree(one);
  cudaFree(other);
  emulation_set("memory", 1);
  size_t free = 0, total = 0;
  check(cudaMalloc(&one, 3 << 19) == cudaErrorMemoryAllocation && cudaMalloc(&one, 3 << 18) == cudaSuccess,
        "memory has an end");
  cudaMemGetInfo(&free, &total);
  check(total == 1 << 20 && free == 1 << 18, "and says how much is left");
  cudaFree(one);
}

void check_machines() {
  int count = -1;
  emulation_set("devices", 0);
  check(cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0, "there may be no device");
  emulation_set("devices", 3);
  check(cudaGetDeviceCount(&count) == cudaSuccess && count == 3, "or several");
  emulation_set("driver", 12040);
  check(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver, "the driver may be too old");
  emulation_set("driver", 13000);
  emulation_set("compute", 75);
  cudaDeviceProp properties{};
  cudaGetDeviceProperties(&properties, 2);
  check(properties.major == 7 && properties.minor == 5, "or the device");
  check(cudaFuncSetAttribute(nullptr, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024) != cudaSuccess,
        "which has less shared memory");
  check_breach("shared memory", "too much shared memory");
  check(emulation_set("nothing", 1) == 0, "a setting that is none is told");
  reset();
}

void check_environment() {
  setenv("TWOFOUR_EMULATION", "devices=2,fail=cudaMalloc:2:2,compute=80", 1);
  reset();
  int count = 0;
  void *one = nullptr, *other = nullptr;
  check(cudaGetDeviceCount(&count) == cudaSuccess && count == 2, "settings come from the environment");
  check(cudaMalloc(&one, 16) == cudaSuccess && cudaMalloc(&other, 16) == cudaErrorMemoryAllocation,
        "and faults too");
  cudaFree(one);
  unsetenv("TWOFOUR_EMULATION");
  reset();
}

void check_two_devices() {
  emulation_set("devices", 2);
  Stream stream;
  Device first(16);
  cudaSetDevice(1);
  Stream other;
  Device second(16);
  const EmulatedUse use{first.as(), 16, 1, "the memory"};
  const auto queue = [&](const Stream& on) { return enqueue_work(on.handle, "work", [] {}, {use}, 1); };
  check(queue(other) != cudaSuccess, "work is on the device of its memory");
  check_breach("memory of another device", "memory of another device");
  enqueue_kernel(other.handle, [] { throw std::runtime_error("a fault"); });
  check(cudaStreamSynchronize(other.handle) == cudaErrorLaunchFailure, "one device is lost");
  cudaSetDevice(0);
  check(queue(stream) == cudaSuccess && cudaStreamSynchronize(stream.handle) == cudaSuccess,
        "and the other is not");
  reset();
}

void check_lost_device() {
  Stream stream;
  Device device(64);
  Pinned to(16);
  int runs = 0;
  emulation_fail("kernel", 2, 1);
  for (int i = 0; i < 3; ++i) enqueue_kernel(stream.handle, [&] { ++runs; });
  cudaMemsetAsync(device.as(), 0, 64, stream.handle);
  cudaMemcpyAsync(to.data(), device.as(), 64, cudaMemcpyDeviceToHost, stream.handle);
  check(cudaStreamSynchronize(stream.handle) == cudaErrorLaunchFailure && runs == 1,
        "the second kernel faults");
  check(to.data()[0] == 0xFFFFFFFF, "and nothing stale comes back");
  void* memory = nullptr;
  check(cudaMalloc(&memory, 16) == cudaErrorLaunchFailure, "every later call gives the fault");
  check(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure,
        "which does not go away");
  check(cudaMemsetAsync(device.as(), 0, 64, stream.handle) == cudaErrorLaunchFailure, "nor is work queued");
  reset();
  enqueue_kernel(stream.handle, [] { throw std::runtime_error("thread 3 read past the end"); });
  check(cudaDeviceSynchronize() == cudaErrorLaunchFailure, "a kernel that throws faults");
  check(std::string(emulation_last_breach()).find("thread 3 read past the end") != std::string::npos,
        "with its own sentence");
  reset();
  check(cudaMemset(device.as(), 0, 64) == cudaSuccess, "devices come back for the next check");
}

void check_libraries() {
  const std::string library = folder() + "/libcusparseLt.so.0";
  const std::string copy = "/tmp/libcusparseLt-without." + std::to_string(getpid());
  const char* symbol = "cusparseLtMatmulAlgSelectionDestroy";
  check(emulation_copy_without(library.c_str(), copy.c_str(), symbol) == 0,
        "a library is copied without a symbol");
  void* opened = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  check(opened != nullptr, "which can be opened");
  if (opened != nullptr) {
    check(dlsym(opened, symbol) == nullptr && dlsym(opened, "cusparseLtInit") != nullptr,
          "and lacks that symbol only");
    const auto version = reinterpret_cast<int (*)(const void*, int*)>(dlsym(opened, "cusparseLtGetVersion"));
    int found = 0;
    emulation_set("cusparselt", 701);
    check(version(nullptr, &found) == 0 && found == 701, "a library may be old");
    dlclose(opened);
  }
  std::remove(copy.c_str());
  check(emulation_copy_without(library.c_str(), copy.c_str(), "cusparseLtNothing") != 0,
        "a symbol that is none is told");
}

}  // namespace

void check_faults() {
  check_out_of_memory();
  check_machines();
  check_environment();
  check_two_devices();
  check_lost_device();
  check_libraries();
}

}  // namespace twofour::emulation::checks
