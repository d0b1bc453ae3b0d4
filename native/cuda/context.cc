#include "cuda/context.h"

#include <cuda_runtime_api.h>

#include <numeric>
#include <vector>

#include "base/error.h"
#include "cuda/device.h"
#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// What NVIDIA recommends for Hopper; older cards are content with less.
constexpr size_t kWorkspace = size_t{32} << 20;

int attribute(cudaDeviceAttr attribute, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, attribute, device), "asking for the device's properties");
  return value;
}

cublasLtContext* make_dense_handle(const Library<CublasLt>& library) {
  if (!library.info.usable) throw Error("DEVICE_UNAVAILABLE", library.info.sentence);
  cublasLtContext* handle = nullptr;
  const cublasStatus_t status = library.functions.cublasLtCreate(&handle);
  if (status == CUBLAS_STATUS_SUCCESS) return handle;
  throw Error("DEVICE_UNAVAILABLE",
              "cuBLASLt cannot be used: cublasLtCreate returned " +
                  std::string(library.functions.cublasLtGetStatusName(status)) + ".");
}

}  // namespace

Context::OwnStream::OwnStream(int device) {
  check(cudaSetDevice(device), "choosing the device");
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
}

Context::OwnStream::~OwnStream() { cudaStreamDestroy(stream); }

Context::Context(const DeviceSettings& settings)
    : index_(settings.index),
      stream_(settings.index),
      name_(look_at_device(settings.index).name),
      cache_bytes_(static_cast<size_t>(attribute(cudaDevAttrL2CacheSize, settings.index))),
      cublaslt_(open_cublaslt(settings.cublaslt)),
      cusparselt_(open_cusparselt(settings.cusparselt)),
      dense_handle_(make_dense_handle(cublaslt_), cublaslt_.functions.cublasLtDestroy) {
  workspace(kWorkspace);
  if (!cusparselt_.info.usable) {
    why_no_sparse_ = cusparselt_.info.sentence;
    return;
  }
  const cusparseStatus_t status = cusparselt_.functions.cusparseLtInit(&sparse_handle_);
  has_sparse_ = status == CUSPARSE_STATUS_SUCCESS;
  if (!has_sparse_) {
    why_no_sparse_ = std::string("cuSPARSELt cannot be used: cusparseLtInit returned ") +
                     cusparselt_.functions.cusparseLtGetErrorName(status) + ".";
  }
}

Context::~Context() {
  cudaSetDevice(index_);
  cudaStreamSynchronize(stream_.stream);
  if (has_sparse_) cusparselt_.functions.cusparseLtDestroy(&sparse_handle_);
}

void Context::enter() const { check(cudaSetDevice(index_), "choosing the device"); }

Workspace Context::workspace(size_t bytes) {
  if (bytes > workspace_bytes_) {
    workspace_ = {};
    workspace_ = memory_.take(bytes);
    workspace_bytes_ = bytes;
  }
  return {workspace_.data(), workspace_bytes_};
}

const int32_t* Context::count(size_t rows) {
  if (rows >= counts_size_) {
    std::vector<int32_t> numbers(std::max<size_t>(2 * rows, 4096));
    std::iota(numbers.begin(), numbers.end(), 0);
    Arena::Block block = memory_.take(numbers.size() * sizeof(int32_t));
    transfers_.to_device(block.data(), numbers.data(), numbers.size() * sizeof(int32_t));
    // Work that was queued with the old ones is done before they are used for anything else.
    counts_ = std::move(block);
    counts_size_ = numbers.size();
  }
  return counts_.as<int32_t>() + rows;
}

const float* Context::ones(size_t count) {
  if (count > ones_size_) {
    const std::vector<float> numbers(count, 1.0f);
    Arena::Block block = memory_.take(count * sizeof(float));
    transfers_.to_device(block.data(), numbers.data(), count * sizeof(float));
    ones_ = std::move(block);
    ones_size_ = count;
  }
  return ones_.as<float>();
}

}  // namespace twofour::cuda
