#pragma once
#include "cuda/libraries.h"

namespace twofour::cuda {

/// Throw Error unless success, naming library and status; `doing` completes "While …". CUDA_DEVICE_LOST where
/// that is why, OUT_OF_MEMORY, else CUDA_LIBRARY_FAILED.
void check(const CublasLt& library, cublasStatus_t status, const char* doing);
void check(const CusparseLt& library, cusparseStatus_t status, const char* doing);

}  // namespace twofour::cuda
