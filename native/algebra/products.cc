#include "algebra/products.h"

#include "algebra/multiply.h"

namespace twofour::algebra {
namespace {

template <class T>
void transposed_product(const T* a, size_t a_stride, const T* b, size_t b_stride, size_t k, size_t m,
                        size_t n, T scale, T* c, size_t c_stride, ThreadPool& pool) {
  const bool same = a == b && a_stride == b_stride && m == n;
  multiply<T>(chosen_kernels(), {a, m, k, 1, a_stride}, {b, n, k, 1, b_stride}, scale, c, c_stride,
              same ? Part::mirrored : Part::all, pool);
}

template <class T>
void product(const T* a, size_t a_stride, const T* b, size_t b_stride, size_t m, size_t k, size_t n, T scale,
             T* c, size_t c_stride, ThreadPool& pool) {
  multiply<T>(chosen_kernels(), {a, m, k, a_stride, 1}, {b, n, k, 1, b_stride}, scale, c, c_stride, Part::all,
              pool);
}

}  // namespace

void add_transposed_product(const float* a, size_t a_stride, const float* b, size_t b_stride, size_t k,
                            size_t m, size_t n, float scale, float* c, size_t c_stride, ThreadPool& pool) {
  transposed_product(a, a_stride, b, b_stride, k, m, n, scale, c, c_stride, pool);
}
void add_product(const float* a, size_t a_stride, const float* b, size_t b_stride, size_t m, size_t k,
                 size_t n, float scale, float* c, size_t c_stride, ThreadPool& pool) {
  product(a, a_stride, b, b_stride, m, k, n, scale, c, c_stride, pool);
}
void add_transposed_product(const double* a, size_t a_stride, const double* b, size_t b_stride, size_t k,
                            size_t m, size_t n, double scale, double* c, size_t c_stride, ThreadPool& pool) {
  transposed_product(a, a_stride, b, b_stride, k, m, n, scale, c, c_stride, pool);
}
void add_product(const double* a, size_t a_stride, const double* b, size_t b_stride, size_t m, size_t k,
                 size_t n, double scale, double* c, size_t c_stride, ThreadPool& pool) {
  product(a, a_stride, b, b_stride, m, k, n, scale, c, c_stride, pool);
}

}  // namespace twofour::algebra
