#include <cstddef>
#include <cstring>

#include "algebra/kernels.h"

#if defined(__x86_64__)
// After every header that others include too: their inline functions must stay runnable anywhere.
#pragma GCC target("avx2,fma")
#include "algebra/kernel_bodies.h"

namespace twofour::algebra {

Kernels avx2_kernels() { return make_kernels<32, 2, 6>(Vectors::avx2); }

}  // namespace twofour::algebra
#endif
