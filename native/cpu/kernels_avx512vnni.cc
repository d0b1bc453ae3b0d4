#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {
namespace {

struct VnniDot4 {
  TWOFOUR_INLINE static Ints<16> dot(Ints<16> sum, Ints<16> x, Ints<16> w) {
    return reinterpret_cast<Ints<16>>(_mm512_dpbusd_epi32(
        reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(w)));
  }
};

}  // namespace

Kernels avx512vnni_kernels() {
  Kernels kernels = avx512_kernels();
  kernels.isa = "avx512vnni";
  kernels.linear_int8 = linear_body<Levels8<16, VnniDot4>, 2, 12>;
  return kernels;
}

}  // namespace twofour::cpu
#endif
