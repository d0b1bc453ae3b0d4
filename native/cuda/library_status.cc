#include "cuda/library_status.h"

#include <string>

#include "base/error.h"
#include "cuda/status.h"

namespace twofour::cuda {
namespace {

[[noreturn]] void refuse(const char* library, const char* name, int status, bool memory, const char* doing) {
  check_lost(doing);
  const std::string what = std::string("While ") + doing + ", " + library + " returned " + name +
                           " (status " + std::to_string(status) + ").";
  if (memory) throw Error("OUT_OF_MEMORY", what + " Lower maxTokens, or free memory of the device.");
  throw Error("CUDA_LIBRARY_FAILED", what);
}

}  // namespace

void check(const CublasLt& library, cublasStatus_t status, const char* doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  refuse("cuBLASLt", library.cublasLtGetStatusName(status), status, status == CUBLAS_STATUS_ALLOC_FAILED,
         doing);
}

void check(const CusparseLt& library, cusparseStatus_t status, const char* doing) {
  if (status == CUSPARSE_STATUS_SUCCESS) return;
  refuse("cuSPARSELt", library.cusparseLtGetErrorName(status), status, status == CUSPARSE_STATUS_ALLOC_FAILED,
         doing);
}

}  // namespace twofour::cuda
