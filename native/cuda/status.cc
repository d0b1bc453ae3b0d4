#include "cuda/status.h"

#include <string>

#include "base/error.h"

namespace twofour::cuda {

bool is_lost(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  const std::string what = std::string("While ") + doing + ", the CUDA runtime said " +
                           cudaGetErrorName(status) + ": " + cudaGetErrorString(status) + ".";
  // It is remembered until it is asked for, and would be taken for a later call's.
  cudaGetLastError();
  if (is_lost(status))
    throw Error("CUDA_DEVICE_LOST",
                what + " Nothing on this device can be used by this process any more; start a new one.");
  if (status == cudaErrorMemoryAllocation)
    throw Error("OUT_OF_MEMORY", what + " Lower maxTokens, or free memory of the device.");
  throw Error("DEVICE_FAILED", what);
}

void check_lost(const char* doing) {
  // A library has a runtime of its own, so its faults are no last error of this one: a call that every fault
  // shows in, and that waits for nothing.
  size_t free = 0, total = 0;
  const cudaError_t status = cudaMemGetInfo(&free, &total);
  cudaGetLastError();
  if (is_lost(status)) check(status, doing);
}

}  // namespace twofour::cuda
