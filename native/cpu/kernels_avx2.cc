#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx2,fma")
#include "cpu/gradient_bodies.h"

namespace twofour::cpu {
namespace {

/// By 16-bit products, even and odd bytes apart: vpmaddubsw would be shorter, but its sums of two products
/// saturate at 2¹⁵.
struct MaddDot4 {
  TWOFOUR_INLINE static Ints<8> dot(Ints<8> sum, Ints<8> x, Ints<8> w) {
    typedef int16_t Shorts __attribute__((vector_size(32)));
    const Shorts ws = reinterpret_cast<Shorts>(w), xs = reinterpret_cast<Shorts>(x);
    typedef uint16_t Unsigned __attribute__((vector_size(32)));
    const __m256i even = _mm256_madd_epi16(reinterpret_cast<__m256i>(Shorts(xs & 255)),
                                           reinterpret_cast<__m256i>(Shorts(ws << 8 >> 8)));
    const __m256i odd = _mm256_madd_epi16(reinterpret_cast<__m256i>(reinterpret_cast<Unsigned>(xs) >> 8),
                                          reinterpret_cast<__m256i>(Shorts(ws >> 8)));
    return sum + (reinterpret_cast<Ints<8>>(even) + reinterpret_cast<Ints<8>>(odd));
  }
};

}  // namespace

Kernels avx2_kernels() { return with_gradients<8, 2, 6>(make_kernels<8, 2, 6, MaddDot4, 3>("avx2")); }

}  // namespace twofour::cpu
#endif
