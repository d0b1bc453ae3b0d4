#pragma once
#include "algebra/kernels.h"
#include "algebra/panels.h"
#include "base/thread_pool.h"

namespace twofour::algebra {

/// Which part of a square result is computed. `lower`: at least what is not above the diagonal (whole blocks
/// are, so c's rows must be as long as they seem). `mirrored`: a and b are the same, so half of it, which is
/// added on both sides.
enum class Part : uint8_t { all, lower, mirrored };

/// c [a.lines, b.lines] += scale · Σ over depth of a · b. Every product of this room comes here.
template <class T>
void multiply(const Kernels& kernels, const Operand<T>& a, const Operand<T>& b, T scale, T* c,
              size_t c_stride, Part part, ThreadPool& pool);

extern template void multiply(const Kernels&, const Operand<float>&, const Operand<float>&, float, float*,
                              size_t, Part, ThreadPool&);
extern template void multiply(const Kernels&, const Operand<double>&, const Operand<double>&, double, double*,
                              size_t, Part, ThreadPool&);

}  // namespace twofour::algebra
