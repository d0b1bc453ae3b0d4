#include "cuda/shared_device.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "cuda/device.h"
#include "cuda/library_status.h"
#include "cuda/self_check.h"
#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// What NVIDIA recommends for Hopper; older cards are content with less.
constexpr size_t kWorkspace = size_t{32} << 20;
/// Counts and ones are made for more tokens than a pass has.
constexpr size_t kConstants = size_t{32} << 10;

int attribute(cudaDeviceAttr attribute, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, attribute, device), "asking for the device's properties");
  return value;
}

cublasLtContext* make_dense_handle(const Library<CublasLt>& library) {
  if (!library.info.usable) throw Error("DEVICE_UNAVAILABLE", library.info.sentence);
  cublasLtContext* handle = nullptr;
  check(library.functions, library.functions.cublasLtCreate(&handle), "opening cuBLASLt");
  return handle;
}

}  // namespace

SharedDevice::OwnStream::OwnStream(int device) {
  check(cudaSetDevice(device), "choosing the device");
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
}

SharedDevice::OwnStream::~OwnStream() { cudaStreamDestroy(stream); }

SharedDevice::SharedDevice(const DeviceSettings& settings)
    : index_(settings.index),
      stream_(settings.index),
      name_(look_at_device(settings.index).name),
      cache_bytes_(static_cast<size_t>(attribute(cudaDevAttrL2CacheSize, settings.index))),
      compute_capability_(10 * attribute(cudaDevAttrComputeCapabilityMajor, settings.index) +
                          attribute(cudaDevAttrComputeCapabilityMinor, settings.index)),
      cublaslt_(open_cublaslt(settings.cublaslt)),
      cusparselt_(open_cusparselt(settings.cusparselt)),
      dense_handle_(make_dense_handle(cublaslt_), cublaslt_.functions.cublasLtDestroy) {
  workspace(0);
  count(0);
  ones(1);
  why_no_sparse_ =
      cusparselt_.info.usable ? self_check(cusparselt_, *this) : std::string(cusparselt_.info.sentence);
  if (!why_no_sparse_.empty()) return;
  const cusparseStatus_t status = cusparselt_.functions.cusparseLtInit(&sparse_handle_);
  has_sparse_ = status == CUSPARSE_STATUS_SUCCESS;
  if (!has_sparse_) {
    why_no_sparse_ = std::string("cuSPARSELt cannot be used: cusparseLtInit returned ") +
                     cusparselt_.functions.cusparseLtGetErrorName(status) + ".";
  }
}

SharedDevice::~SharedDevice() {
  enter_quietly();
  cudaStreamSynchronize(stream_.stream);
  if (has_sparse_) cusparselt_.functions.cusparseLtDestroy(&sparse_handle_);
}

void SharedDevice::enter() const { check(cudaSetDevice(index_), "choosing the device"); }
void SharedDevice::enter_quietly() const noexcept { cudaSetDevice(index_); }

Workspace SharedDevice::workspace(size_t bytes) {
  bytes = std::max(bytes, kWorkspace);
  if (bytes > workspace_bytes_) {
    // The former one stays where there is no memory for a larger one. It is given back, not freed: passes
    // that were recorded go on using it.
    Arena::Block larger = memory_.take(bytes);
    workspace_ = std::move(larger);
    workspace_bytes_ = bytes;
  }
  return {workspace_.data(), bytes};
}

const int32_t* SharedDevice::count(size_t rows) {
  if (rows >= counts_size_) {
    std::vector<int32_t> numbers(std::max(2 * rows, kConstants));
    std::iota(numbers.begin(), numbers.end(), 0);
    Arena::Block block = memory_.keep(numbers.size() * sizeof(int32_t));
    transfers_.to_device(block.data(), numbers.data(), numbers.size() * sizeof(int32_t));
    counts_.push_back(std::move(block));
    counts_size_ = numbers.size();
  }
  return counts_.back().as<int32_t>() + rows;
}

const float* SharedDevice::ones(size_t count) {
  if (count > ones_size_) {
    const std::vector<float> numbers(std::max(count, kConstants), 1.0f);
    Arena::Block block = memory_.keep(numbers.size() * sizeof(float));
    transfers_.to_device(block.data(), numbers.data(), numbers.size() * sizeof(float));
    ones_.push_back(std::move(block));
    ones_size_ = numbers.size();
  }
  return ones_.back().as<float>();
}

}  // namespace twofour::cuda
