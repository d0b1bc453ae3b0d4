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
  if (is_lost(status))
    throw Error("CUDA_DEVICE_LOST",
                what + " Nothing on this device can be used by this process any more; start a new one.");
  // What is not lost is remembered until it is asked for, and would be taken for a later call's.
  cudaGetLastError();
  if (status == cudaErrorMemoryAllocation)
    throw Error("OUT_OF_MEMORY", what + " Lower maxTokens, or free memory of the device.");
  throw Error("DEVICE_FAILED", what);
}

}  // namespace twofour::cuda
