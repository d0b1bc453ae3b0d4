#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {
namespace {

/// Two bfloat16 to a word. The instruction rounds sums to even and takes subnormal inputs as zero.
struct Bfloat16 {
  static constexpr int kLanes = 16;
  using Word = int32_t;
  using Words = Ints<16>;
  using Sum = Floats<16>;
  TWOFOUR_INLINE static Sum dot(Sum sum, Words x, Words w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
  TWOFOUR_INLINE static Sum value(Sum sum, const LinearBlock&, size_t, size_t) { return sum; }
};

}  // namespace

Kernels avx512bf16_kernels() {
  Kernels kernels = avx512vnni_kernels();
  kernels.isa = "avx512bf16";
  kernels.linear_bfloat16 = linear_body<Bfloat16, 2, 12>;
  return kernels;
}

}  // namespace twofour::cpu
#endif
