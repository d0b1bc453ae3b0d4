#pragma once
#include <cstddef>

#include "base/thread_pool.h"

/// Dense linear algebra for solvers and statistics: row-major, fp32 and fp64, on the machine's vector units,
/// threads from the caller's pool. No result depends on the number of threads.
namespace twofour::algebra {

/// c [m, n] += scale · aᵀ · b, with a [k, m] and b [k, n]. Strides count elements between rows. Where a and b
/// are the same it costs half, and what is added is symmetric to the last bit.
void add_transposed_product(const float* a, size_t a_stride, const float* b, size_t b_stride, size_t k,
                            size_t m, size_t n, float scale, float* c, size_t c_stride, ThreadPool& pool);
/// c [m, n] += scale · a · b, with a [m, k] and b [k, n].
void add_product(const float* a, size_t a_stride, const float* b, size_t b_stride, size_t m, size_t k,
                 size_t n, float scale, float* c, size_t c_stride, ThreadPool& pool);
void add_transposed_product(const double* a, size_t a_stride, const double* b, size_t b_stride, size_t k,
                            size_t m, size_t n, double scale, double* c, size_t c_stride, ThreadPool& pool);
void add_product(const double* a, size_t a_stride, const double* b, size_t b_stride, size_t m, size_t k,
                 size_t n, double scale, double* c, size_t c_stride, ThreadPool& pool);

}  // namespace twofour::algebra
