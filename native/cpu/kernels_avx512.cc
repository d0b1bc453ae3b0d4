#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {

Kernels avx512_kernels() {
  const bool supported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("fma");
  return make_kernels<16, 2, 12>("avx512", supported);
}

}  // namespace twofour::cpu
#endif
