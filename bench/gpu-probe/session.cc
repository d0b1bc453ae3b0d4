#include "session.h"

namespace probe {
namespace {

int capability() {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "asking the device");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "asking the device");
  return 10 * major + minor;
}

/// An error that stays after it was asked for is one that the device does not come back from.
void refuse_lost_device(const char* doing) {
  cudaGetLastError();
  check(cudaGetLastError(), doing);
}

}  // namespace

Session::Session(const std::string& cublaslt, const std::string& cusparselt)
    : dense_(twofour::cuda::open_cublaslt(cublaslt)), sparse_(twofour::cuda::open_cusparselt(cusparselt)) {
  compute_capability_ = capability();
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
  if (dense_.info.usable) check(dense().cublasLtCreate(&dense_handle_), "creating a handle");
  if (sparse_.info.usable) check(*this, sparse().cusparseLtInit(&sparse_handle_), "creating a handle");
  workspace_ = Memory(kDenseWorkspace);
}

Session::~Session() {
  if (sparse_.info.usable) sparse_.functions.cusparseLtDestroy(&sparse_handle_);
  if (dense_handle_ != nullptr) dense_.functions.cublasLtDestroy(dense_handle_);
  cudaStreamDestroy(stream_);
}

const twofour::cuda::CublasLt& Session::dense() const {
  if (!dense_.info.usable) throw Refused(dense_.info.sentence);
  return dense_.functions;
}

const twofour::cuda::CusparseLt& Session::sparse() const {
  if (!sparse_.info.usable) throw Refused(sparse_.info.sentence);
  return sparse_.functions;
}

void* Session::workspace(size_t bytes) const {
  if (bytes > workspace_.bytes()) {
    check(cudaStreamSynchronize(stream_), "waiting");
    workspace_ = Memory(bytes);
  }
  return workspace_.data();
}

void check(cublasStatus_t status, const char* doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  refuse_lost_device(doing);
  throw Refused(std::string(doing) + ": cuBLASLt status " + std::to_string(static_cast<int>(status)));
}

void check(const Session& session, cusparseStatus_t status, const char* doing) {
  if (status == CUSPARSE_STATUS_SUCCESS) return;
  refuse_lost_device(doing);
  throw Refused(std::string(doing) + ": cuSPARSELt said " + session.sparse().cusparseLtGetErrorName(status));
}

}  // namespace probe
