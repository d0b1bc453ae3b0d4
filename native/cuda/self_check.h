#pragma once
#include "cuda/shared_device.h"

namespace twofour::cuda {

/// Whether cuSPARSELt computes here what it should: its structs are no larger than the headers say, and one
/// small compressed product is right to the last bit. Empty, or the sentence why it is not used. A few
/// kilobytes and milliseconds; leaves nothing behind. The device needs its memory and stream, not yet its
/// own handle. Throws Error OUT_OF_MEMORY, CUDA_DEVICE_LOST.
std::string self_check(const Library<CusparseLt>& library, SharedDevice& device);

}  // namespace twofour::cuda
