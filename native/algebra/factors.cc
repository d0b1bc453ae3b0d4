#include "algebra/factors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algebra/multiply.h"

namespace twofour::algebra {
namespace {

/// Rows and columns that are eliminated one by one before a product does the rest.
constexpr size_t kStep = 64;

/// The block on the diagonal. `floors` are the pivots below which rounding may have made all of it.
std::optional<size_t> factorise_block(double* a, size_t stride, size_t n, const double* floors) {
  for (size_t j = 0; j < n; ++j) {
    double* row = a + j * stride;
    for (size_t i = 0; i < j; ++i) {
      const double* other = a + i * stride;
      double sum = row[i];
      for (size_t k = 0; k < i; ++k) sum -= row[k] * other[k];
      row[i] = sum / other[i];
    }
    double pivot = row[j];
    for (size_t k = 0; k < j; ++k) pivot -= row[k] * row[k];
    if (!(pivot > floors[j])) return j;
    row[j] = std::sqrt(pivot);
  }
  return std::nullopt;
}

/// Rows below the block of n: x = x · L⁻ᵀ. Column by column, so that the inner loop runs along memory.
void solve_below(const double* l, size_t n, double* below, size_t stride, size_t rows, ThreadPool& pool) {
  double transposed[kStep * kStep];
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) transposed[j * kStep + i] = l[i * stride + j];
  }
  pool.run_ranges(rows, 32, [&](size_t begin, size_t end, size_t) {
    for (double* x = below + begin * stride; x != below + end * stride; x += stride) {
      for (size_t k = 0; k < n; ++k) {
        const double* column = transposed + k * kStep;
        const double value = x[k] /= column[k];
        for (size_t i = k + 1; i < n; ++i) x[i] -= value * column[i];
      }
    }
  });
}

/// Numbers of `x` that are looked at: all, or of a triangle those that are not above the diagonal.
enum class Shape : uint8_t { rectangle, triangle };

void solve_lower_block(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride, size_t columns,
                       ThreadPool& pool) {
  constexpr size_t kColumns = 128;
  pool.run_ranges(columns, kColumns, [&](size_t begin, size_t end, size_t) {
    for (size_t i = 0; i < n; ++i) {
      double* row = x + i * x_stride;
      for (size_t k = 0; k < i; ++k) {
        const double factor = l[i * l_stride + k];
        const double* other = x + k * x_stride;
        for (size_t column = begin; column < end; ++column) row[column] -= factor * other[column];
      }
      for (size_t column = begin; column < end; ++column) row[column] /= l[i * l_stride + i];
    }
  });
}

void solve_upper_block(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride, size_t columns,
                       ThreadPool& pool) {
  constexpr size_t kColumns = 128;
  pool.run_ranges(columns, kColumns, [&](size_t begin, size_t end, size_t) {
    for (size_t i = n; i-- > 0;) {
      double* row = x + i * x_stride;
      for (size_t k = i + 1; k < n; ++k) {
        const double factor = l[k * l_stride + i];
        const double* other = x + k * x_stride;
        for (size_t column = begin; column < end; ++column) row[column] -= factor * other[column];
      }
      for (size_t column = begin; column < end; ++column) row[column] /= l[i * l_stride + i];
    }
  });
}

void solve_forward(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride, size_t columns,
                   Shape shape, ThreadPool& pool) {
  for (size_t row = 0; row < n; row += kStep) {
    const size_t rows = std::min(kStep, n - row);
    const auto reached = [&](size_t depth) { return shape == Shape::triangle ? depth : columns; };
    double* block = x + row * x_stride;
    multiply<double>(chosen_kernels(), {l + row * l_stride, rows, row, l_stride, 1},
                     {x, reached(row), row, 1, x_stride}, -1.0, block, x_stride, Part::all, pool);
    solve_lower_block(l + row * l_stride + row, l_stride, rows, block, x_stride, reached(row + rows), pool);
  }
}

void reverse(std::vector<double>& a) { std::ranges::reverse(a); }

}  // namespace

std::optional<size_t> factorise(double* a, size_t stride, size_t n, ThreadPool& pool) {
  std::vector<double> floors(n);
  for (size_t i = 0; i < n; ++i)
    floors[i] = a[i * stride + i] * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  for (size_t row = 0; row < n; row += kStep) {
    const size_t rows = std::min(kStep, n - row), next = row + rows;
    double* block = a + row * stride + row;
    if (const auto bad = factorise_block(block, stride, rows, floors.data() + row)) return row + *bad;
    double* below = a + next * stride + row;
    solve_below(block, rows, below, stride, n - next, pool);
    const Operand<double> left{below, n - next, rows, stride, 1};
    multiply(chosen_kernels(), left, left, -1.0, a + next * stride + next, stride, Part::lower, pool);
  }
  return std::nullopt;
}

void solve_lower(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride, size_t columns,
                 ThreadPool& pool) {
  solve_forward(l, l_stride, n, x, x_stride, columns, Shape::rectangle, pool);
}

void solve_lower_transposed(const double* l, size_t l_stride, size_t n, double* x, size_t x_stride,
                            size_t columns, ThreadPool& pool) {
  for (size_t end = n; end > 0;) {
    const size_t row = (end - 1) / kStep * kStep, rows = end - row;
    double* block = x + row * x_stride;
    multiply<double>(chosen_kernels(), {l + end * l_stride + row, rows, n - end, 1, l_stride},
                     {x + end * x_stride, columns, n - end, 1, x_stride}, -1.0, block, x_stride, Part::all,
                     pool);
    solve_upper_block(l + row * l_stride + row, l_stride, rows, block, x_stride, columns, pool);
    end = row;
  }
}

std::vector<double> inverse_of_lower(const double* l, size_t l_stride, size_t n, ThreadPool& pool) {
  std::vector<double> inverse(n * n);
  for (size_t i = 0; i < n; ++i) inverse[i * n + i] = 1;
  solve_forward(l, l_stride, n, inverse.data(), n, n, Shape::triangle, pool);
  return inverse;
}

std::vector<double> inverse_of_factorised(const double* l, size_t l_stride, size_t n, ThreadPool& pool) {
  const std::vector<double> lower = inverse_of_lower(l, l_stride, n, pool);
  std::vector<double> inverse(n * n);
  // Rows [row, end) of L⁻¹ reach no further than column `end`.
  constexpr size_t kRows = 256;
  for (size_t row = 0; row < n; row += kRows) {
    const size_t end = std::min(row + kRows, n);
    const Operand<double> part{lower.data() + row * n, end, end - row, 1, n};
    multiply(chosen_kernels(), part, part, 1.0, inverse.data(), n, Part::mirrored, pool);
  }
  return inverse;
}

std::optional<std::vector<double>> upper_factor_of_inverse(std::vector<double> a, size_t n,
                                                           ThreadPool& pool) {
  // With J that reverses rows and columns: J a J = L Lᵀ, so a⁻¹ = (J L⁻ᵀ J)(J L⁻¹ J) and J L⁻¹ J is the upper
  // triangle. That needs no inverse of `a`.
  reverse(a);
  if (factorise(a.data(), n, n, pool)) return std::nullopt;
  std::vector<double> upper = inverse_of_lower(a.data(), n, n, pool);
  reverse(upper);
  return upper;
}

}  // namespace twofour::algebra
