#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

#include "buffer.h"

namespace wrappers {
namespace {

void check(cudaError_t status, const char* doing) {
  if (status != cudaSuccess)
    throw std::runtime_error(std::string("While ") + doing + ", the CUDA runtime said " +
                             cudaGetErrorName(status) + ".");
}

}  // namespace

Buffer::Buffer(const std::vector<uint32_t>& words) : count_(words.size()) {
  void* place = nullptr;
  check(cudaMalloc(&place, count_ * sizeof(uint32_t)), "allocating");
  words_ = static_cast<uint32_t*>(place);
  check(cudaMemcpy(words_, words.data(), count_ * sizeof(uint32_t), cudaMemcpyHostToDevice), "uploading");
}

Buffer::~Buffer() { cudaFree(words_); }

std::vector<uint32_t> Buffer::download() const {
  std::vector<uint32_t> words(count_);
  check(cudaDeviceSynchronize(), "running a kernel");
  check(cudaMemcpy(words.data(), words_, count_ * sizeof(uint32_t), cudaMemcpyDeviceToHost), "downloading");
  return words;
}

int compute_capability() {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "asking the device");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "asking the device");
  return 10 * major + minor;
}

}  // namespace wrappers
