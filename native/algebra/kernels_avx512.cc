#include <cstddef>
#include <cstring>

#include "algebra/kernels.h"

#if defined(__x86_64__)
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#include "algebra/kernel_bodies.h"

namespace twofour::algebra {

Kernels avx512_kernels() { return make_kernels<64, 2, 12>(Vectors::avx512); }

}  // namespace twofour::algebra
#endif
