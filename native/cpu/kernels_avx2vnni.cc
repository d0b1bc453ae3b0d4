#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
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

/// CPUID leaf 7.1, EAX bit 4, which __builtin_cpu_supports of older compilers does not know.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || eax < 1) return false;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1) != 0;
}

}  // namespace

Kernels avx2vnni_kernels() {
  Kernels kernels = avx2_kernels();
  kernels.isa = "avx2vnni";
  kernels.supported = kernels.supported && has_avx_vnni();
  kernels.linear_int8 = linear_body<Levels8<8, VnniDot4>, 2, 6>;
  return kernels;
}

}  // namespace twofour::cpu
#endif
