#include "algebra/kernel_bodies.h"

namespace twofour::algebra {
namespace {

// NEON has 32 registers, twice as many as SSE2, so twice the sums fit beside what is loaded.
#if defined(__aarch64__)
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif

}  // namespace

Kernels portable_kernels() { return make_kernels<16, kVectors, 4>(Vectors::portable); }

}  // namespace twofour::algebra
