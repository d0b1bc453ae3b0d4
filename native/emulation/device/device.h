#pragma once
#include <atomic>
#include <cmath>

#include "emulation/device/async_copy.h"
#include "emulation/device/index.h"
#include "emulation/device/launch.h"
#include "emulation/device/numbers.h"
#include "emulation/device/shared_array.h"
#include "emulation/device/vectors.h"
#include "emulation/device/warp.h"

/// The names of native/cuda/device/device.h for a CPU: kernels compile against it as plain C++ and run with
/// every rule checked. What each name means is written there.

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)

inline int atomicAdd(int* to, int value) { return std::atomic_ref(*to).fetch_add(value); }
inline float atomicAdd(float* to, float value) { return std::atomic_ref(*to).fetch_add(value); }

namespace twofour::cuda {
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
}  // namespace twofour::cuda
