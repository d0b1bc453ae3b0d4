#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace twofour::emulation::checks {

/// Counts a check; a failed one is written with its sentence.
void check(bool passed, const std::string& what);
/// That the newest breach holds `part`, and that there is one since the last look.
void check_breach(const std::string& part, const std::string& what);
/// That the newest sentence holds `part` and is of what the stand-in does not have: no breach.
void check_refusal(const std::string& part, const std::string& what);
/// That nothing was broken since the last look.
void check_clean(const std::string& what);
int finish();
/// Takes back every setting, fault and breach.
void reset();

void check_runtime();
void check_graphs();
void check_cublaslt();
void check_cusparselt();
void check_faults();

/// The folder that this program and the libraries lie in.
std::string folder();

/// Device memory for the length of a scope.
class Device {
 public:
  explicit Device(size_t bytes) { cudaMalloc(&data_, bytes); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { cudaFree(data_); }
  template <class T = char>
  T* as(size_t byte = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + byte);
  }
  void put(const void* from, size_t bytes) { cudaMemcpy(data_, from, bytes, cudaMemcpyHostToDevice); }
  void get(void* to, size_t bytes) const { cudaMemcpy(to, data_, bytes, cudaMemcpyDeviceToHost); }

 private:
  void* data_ = nullptr;
};

/// Pinned memory of 4-byte numbers for the length of a scope.
class Pinned {
 public:
  explicit Pinned(size_t count) { cudaHostAlloc(&data_, count * 4, cudaHostAllocDefault); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() { cudaFreeHost(data_); }
  uint32_t* data() const { return static_cast<uint32_t*>(data_); }

 private:
  void* data_ = nullptr;
};

struct Stream {
  Stream() { cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(handle); }
  cudaStream_t handle = nullptr;
};

}  // namespace twofour::emulation::checks
