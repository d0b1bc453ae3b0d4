#pragma once
#include <string>

#include "emulation/device/sentence.h"

namespace twofour::emulation {

struct Index {
  unsigned x, y, z;
};

inline std::string text_of(const Index& index) {
  return sentence("(", index.x, ", ", index.y, ", ", index.z, ")");
}

}  // namespace twofour::emulation

// CUDA's names, of the thread that runs now. Each thread of the host may run a launch of its own.
inline constinit thread_local twofour::emulation::Index threadIdx{}, blockIdx{}, blockDim{}, gridDim{};
