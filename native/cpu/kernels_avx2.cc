#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cpu/kernels.h"

#if defined(__x86_64__)
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx2,fma")
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {

Kernels avx2_kernels() {
  const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return make_kernels<8, 2, 6>("avx2", supported);
}

}  // namespace twofour::cpu
#endif
