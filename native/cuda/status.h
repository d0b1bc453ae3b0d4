#pragma once
#include <cuda_runtime_api.h>

namespace twofour::cuda {

/// Whether a status is an error of the kind after which the process can no longer use the device: every later
/// call returns it too, and what the device holds is worth nothing.
bool is_lost(cudaError_t status);

/// Throws Error unless success. `doing` completes "While …, the CUDA runtime said". OUT_OF_MEMORY,
/// CUDA_DEVICE_LOST (see is_lost), else DEVICE_FAILED.
void check(cudaError_t status, const char* doing);

/// Throws Error CUDA_DEVICE_LOST if the current device is lost: for what failed without saying why.
void check_lost(const char* doing);

}  // namespace twofour::cuda
