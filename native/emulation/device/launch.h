#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

#include "emulation/device/fault.h"

struct CUstream_st;

namespace twofour::cuda {

inline constexpr size_t kSharedBytes = 99 * 1024;
inline constexpr size_t kStaticSharedBytes = 48 * 1024;

struct Grid {
  unsigned x = 1, y = 1, z = 1;
};

}  // namespace twofour::cuda

namespace twofour::emulation {

/// One launch: `body` is what each thread runs.
struct Work {
  std::string kernel;
  cuda::Grid grid, block;
  size_t dynamic_bytes;
  std::function<void()> body;
};

/// Runs all blocks, one after another, on the calling thread. Throws KernelFault.
void run(const Work& work);

/// In which order blocks, the warps of a block and the lanes of a warp run between two places where they
/// meet. For the whole process; a launch that runs already keeps its own.
enum class Order { ascending, descending, random };
void set_order(Order order, uint64_t seed = 1);

/// What launch() does with its work: run it at once (the default, which lets KernelFault through and returns
/// 0), or what a stand-in for the runtime makes of streams. Returns the former one.
using Launcher = int (*)(const Work& work, CUstream_st* stream);
Launcher set_launcher(Launcher launcher);
int launch_now(const Work& work, CUstream_st* stream);
int hand_over(const Work& work, CUstream_st* stream);

/// `text`: the arguments of launch() as they are written; the first one names the kernel.
std::string kernel_name(const char* text);

template <class... Parameters, class... Arguments>
int launch_as(const char* text, void (*kernel)(Parameters...), cuda::Grid grid, cuda::Grid block,
              size_t dynamic_bytes, CUstream_st* stream, const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  // Arguments are copied, as for a device: what they were may be gone when the work runs.
  return [&](Parameters... values) {
    return hand_over({kernel_name(text), grid, block, dynamic_bytes, [=] { kernel(values...); }}, stream);
  }(arguments...);
}

}  // namespace twofour::emulation

namespace twofour::cuda {
using emulation::launch_as;
}

/// A macro here, because faults name the kernel.
#define launch(...) launch_as(#__VA_ARGS__, __VA_ARGS__)
