#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "base/thread_pool.h"

/// Symmetric positive definite matrices in fp64, row-major. Blocks are what is left to products, so no result
/// depends on the number of threads.
namespace twofour::algebra {

/// a = L · Lᵀ by Cholesky: reads what is not above the diagonal of a [n, n] and writes L there; what is above
/// is undefined afterwards. Returns the first row at which `a` proves not to be positive definite to rounding
/// (`a` is then undefined), or nothing.
[[nodiscard]] std::optional<size_t> factorise(double* a, size_t stride, size_t n, ThreadPool& pool);

/// x [n, columns] = L⁻¹ · x, in place; of l [n, n] only what is not above the diagonal is read.
void solve_lower(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride, size_t columns,
                 ThreadPool& pool);
/// x [n, columns] = L⁻ᵀ · x.
void solve_lower_transposed(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride,
                            size_t columns, ThreadPool& pool);

/// L⁻¹ [n, n], zeros above the diagonal.
std::vector<double> inverse_of_lower(const double* l, size_t l_stride, size_t n, ThreadPool& pool);

/// a⁻¹ of a = L · Lᵀ, whole and symmetric.
std::vector<double> inverse_of_factorised(const double* l, size_t l_stride, size_t n, ThreadPool& pool);

/// The upper triangular U with Uᵀ · U = a⁻¹, zeros below the diagonal. `a` [n, n] is symmetric. Returns
/// nothing where it is not positive definite to rounding.
std::optional<std::vector<double>> upper_factor_of_inverse(std::vector<double> a, size_t n, ThreadPool& pool);

}  // namespace twofour::algebra
