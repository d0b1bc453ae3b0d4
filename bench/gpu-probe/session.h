#pragma once
#include <optional>
#include <string>

#include "cuda/libraries.h"
#include "device.h"

namespace probe {

/// The first device with a stream, both libraries with a handle each, and their scratch memory. Either
/// library may be absent.
class Session {
 public:
  /// Paths, or names for the loader; empty: without that library.
  Session(const std::string& cublaslt, const std::string& cusparselt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Throw Refused where the library is not usable.
  const twofour::cuda::CublasLt& dense() const;
  const twofour::cuda::CusparseLt& sparse() const;
  bool has_sparse() const { return sparse_.info.usable; }
  const std::string& dense_version() const { return dense_.info.version; }
  const std::string& sparse_version() const { return sparse_.info.version; }

  cublasLtHandle_t dense_handle() const { return dense_handle_; }
  const cusparseLtHandle_t& sparse_handle() const { return sparse_handle_; }
  cudaStream_t stream() const { return stream_; }
  /// At least so many bytes, for one stream; grows where it has to.
  void* workspace(size_t bytes) const;
  static constexpr size_t kDenseWorkspace = size_t{32} << 20;

  int compute_capability() const { return compute_capability_; }

 private:
  twofour::cuda::Library<twofour::cuda::CublasLt> dense_;
  twofour::cuda::Library<twofour::cuda::CusparseLt> sparse_;
  int compute_capability_ = 0;
  cublasLtHandle_t dense_handle_ = nullptr;
  cusparseLtHandle_t sparse_handle_{};
  cudaStream_t stream_ = nullptr;
  mutable Memory workspace_;
};

void check(cublasStatus_t status, const char* doing);
void check(const Session& session, cusparseStatus_t status, const char* doing);

}  // namespace probe
