#include "cpu/gradient_bodies.h"

namespace twofour::cpu {
namespace {

// NEON has 32 registers, twice as many as SSE2, so twice the sums fit beside what is loaded.
#if defined(__aarch64__)
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif

}  // namespace

Kernels portable_kernels() {
  return with_gradients<4, kVectors, 4>(make_kernels<4, kVectors, 4, PlainDot4<4>, 2>("portable"));
}

}  // namespace twofour::cpu
