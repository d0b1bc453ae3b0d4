#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avxvnni,avx2,fma")
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {
namespace {

struct VnniDot4 {
  TWOFOUR_INLINE static Ints<8> dot(Ints<8> sum, Ints<8> x, Ints<8> w) {
    return reinterpret_cast<Ints<8>>(_mm256_dpbusd_avx_epi32(
        reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(w)));
  }
};

}  // namespace

Kernels avx2vnni_kernels() {
  Kernels kernels = avx2_kernels();
  kernels.isa = "avx2vnni";
  kernels.linear_int8 = linear_body<Levels8<8, VnniDot4>, 2, 6>;
  return kernels;
}

}  // namespace twofour::cpu
#endif
