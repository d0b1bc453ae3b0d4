#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#include "cpu/gradient_bodies.h"

namespace twofour::cpu {
namespace {

/// As in kernels_avx2.cc, in wider vectors.
struct MaddDot4 {
  TWOFOUR_INLINE static Ints<16> dot(Ints<16> sum, Ints<16> x, Ints<16> w) {
    const auto xs = reinterpret_cast<__m512i>(x), ws = reinterpret_cast<__m512i>(w);
    const __m512i even = _mm512_madd_epi16(_mm512_and_si512(xs, _mm512_set1_epi16(255)),
                                           _mm512_srai_epi16(_mm512_slli_epi16(ws, 8), 8));
    const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(xs, 8), _mm512_srai_epi16(ws, 8));
    return sum + (reinterpret_cast<Ints<16>>(even) + reinterpret_cast<Ints<16>>(odd));
  }
};

}  // namespace

Kernels avx512_kernels() { return with_gradients<16, 2, 12>(make_kernels<16, 2, 12, MaddDot4, 8>("avx512")); }

}  // namespace twofour::cpu
#endif
