#include "pruning/refit.h"

#include <algorithm>
#include <string>

#include "algebra/conjugate_gradients.h"
#include "algebra/factors.h"
#include "base/bits.h"
#include "base/error.h"

namespace twofour::pruning {
namespace {

/// Up to so many weights of a row a Cholesky factorisation of its own takes less time than its share of the
/// conjugate gradients, which need 20 to 40 products with the whole matrix.
constexpr size_t kDirect = 256;
constexpr algebra::Stop kStop{.tolerance = 3e-4, .steps = 500};

struct Problem {
  const Centred& centred;
  std::span<const float> gradient;
  std::span<const uint8_t> bits;
  double shift;
  size_t rows;
};

std::vector<size_t> support_of(const Problem& problem, size_t row) {
  std::vector<size_t> support;
  for (size_t i = 0; i < problem.centred.columns; ++i) {
    // An input that never changes is the bias' business.
    if (bit_at(problem.bits, row * problem.centred.columns + i) && problem.centred.dead[i] == 0)
      support.push_back(i);
  }
  return support;
}

/// Whether the row's system had a solution.
bool solve_row(const Problem& problem, size_t row, float* out) {
  const std::vector<size_t> support = support_of(problem, row);
  const size_t size = support.size(), columns = problem.centred.columns;
  std::vector<double> matrix(size * size), x(size);
  for (size_t i = 0; i < size; ++i) {
    const float* from = problem.centred.products.data() + support[i] * columns;
    for (size_t j = 0; j <= i; ++j) matrix[i * size + j] = from[support[j]];
    matrix[i * size + i] += problem.shift;
    x[i] = -static_cast<double>(problem.gradient[row * columns + support[i]]);
  }
  ThreadPool alone(1);
  if (algebra::factorise(matrix.data(), size, size, alone)) return false;
  algebra::solve_lower(matrix.data(), size, size, x.data(), 1, 1, alone);
  algebra::solve_lower_transposed(matrix.data(), size, size, x.data(), 1, 1, alone);
  for (size_t i = 0; i < size; ++i) out[support[i]] = static_cast<float>(x[i]);
  return true;
}

std::vector<float> directly(const Problem& problem, std::string_view name, ThreadPool& pool,
                            Control& control) {
  const size_t columns = problem.centred.columns;
  std::vector<float> change(problem.rows * columns);
  std::atomic<size_t> done{0};
  pool.run(problem.rows, [&](size_t row, size_t worker) {
    control.check();
    if (!solve_row(problem, row, change.data() + row * columns)) throw_singular(name, problem.centred);
    ++done;
    if (worker == 0) control.report(done, problem.rows);
  });
  return change;
}

std::vector<float> step_by_step(const Problem& problem, ThreadPool& pool, Control& control) {
  std::vector<float> right(problem.gradient.size()), change(problem.gradient.size());
  for (size_t i = 0; i < right.size(); ++i) {
    right[i] = problem.centred.dead[i % problem.centred.columns] != 0 ? 0.0f : -problem.gradient[i];
  }
  algebra::solve_masked({problem.centred.products, problem.centred.columns, problem.shift, problem.bits},
                        right, change, kStop, pool, control);
  return change;
}

}  // namespace

std::vector<float> refit(const Centred& centred, const Deviation& deviation, std::span<const uint8_t> bits,
                         double damping, std::string_view name, ThreadPool& pool, Control& control) {
  const Problem problem{centred, deviation.gradient, bits, damping * centred.mean_diagonal,
                        deviation.gaps.size()};
  size_t largest = 0;
  for (size_t row = 0; row < problem.rows && largest <= kDirect; ++row)
    largest = std::max(largest, support_of(problem, row).size());
  return largest <= kDirect ? directly(problem, name, pool, control) : step_by_step(problem, pool, control);
}

void throw_singular(std::string_view name, const Centred& centred) {
  throw Error("PRUNE_SINGULAR", std::to_string(centred.tokens) +
                                    " tokens of calibration do not determine the " +
                                    std::to_string(centred.columns) + " inputs of " + std::string(name) +
                                    ". Calibrate on more text, or with a larger damping.");
}

}  // namespace twofour::pruning
