#include "pruning/elimination.h"

#include <algorithm>
#include <cmath>

#include "algebra/factors.h"
#include "algebra/products.h"

namespace twofour::pruning {
namespace {

/// Removals that wait at most, and columns that one thread takes at a time.
constexpr size_t kBlock = 64, kColumns = 256;

}  // namespace

Elimination::Elimination(std::vector<float> weights, std::vector<double> inverse, size_t columns,
                         ThreadPool& pool)
    : rows_(weights.size() / std::max<size_t>(columns, 1)),
      columns_(columns),
      weights_(std::move(weights)),
      inverse_(std::move(inverse)),
      pool_(pool),
      diagonal_(columns) {
  for (size_t i = 0; i < columns; ++i) diagonal_[i] = inverse_[i * columns + i];
  find_norms();
}

double Elimination::cost(size_t first, size_t count) const {
  std::vector<double> factor(count * count), gram(count * count);
  for (size_t i = 0; i < count; ++i)
    std::copy_n(inverse_.data() + (first + i) * columns_ + first, count, factor.data() + i * count);
  for (size_t row = 0; row < rows_; ++row) {
    const float* line = weights_.data() + row * columns_ + first;
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j <= i; ++j) gram[i * count + j] += static_cast<double>(line[i]) * line[j];
    }
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = i + 1; j < count; ++j) gram[i * count + j] = gram[j * count + i];
  }
  ThreadPool alone(1);
  // A part of the inverse of a positive definite matrix is one itself; rounding apart.
  if (algebra::factorise(factor.data(), count, count, alone)) return 0;
  algebra::solve_lower(factor.data(), count, count, gram.data(), count, count, alone);
  algebra::solve_lower_transposed(factor.data(), count, count, gram.data(), count, count, alone);
  double trace = 0;
  for (size_t i = 0; i < count; ++i) trace += gram[i * count + i];
  return trace;
}

void Elimination::remove(size_t column) {
  const std::vector<float> weights = weights_of(column);
  std::vector<double> row = inverse_row(column);
  const std::vector<double> products = products_with(weights);
  const double pivot = row[column], square = norms_[column];
  for (size_t j = 0; j < columns_; ++j) {
    const double share = row[j] / pivot;
    norms_[j] = std::max(norms_[j] - share * (2 * products[j] - share * square), 0.0);
    diagonal_[j] -= share * row[j];
  }
  const double root = std::sqrt(pivot);
  for (double& number : row) number /= root;
  for (const float weight : weights) left_.push_back(static_cast<float>(weight / root));
  right_floats_.insert(right_floats_.end(), row.begin(), row.end());
  right_.insert(right_.end(), row.begin(), row.end());
  if (++waiting_ == kBlock) settle();
}

void Elimination::settle() {
  if (waiting_ == 0) return;
  algebra::add_transposed_product(left_.data(), rows_, right_floats_.data(), columns_, waiting_, rows_,
                                  columns_, -1.0f, weights_.data(), columns_, pool_);
  algebra::add_transposed_product(right_.data(), columns_, right_.data(), columns_, waiting_, columns_,
                                  columns_, -1.0, inverse_.data(), columns_, pool_);
  waiting_ = 0;
  left_.clear();
  right_floats_.clear();
  right_.clear();
  for (size_t i = 0; i < columns_; ++i) diagonal_[i] = inverse_[i * columns_ + i];
  find_norms();
}

std::vector<double> Elimination::inverse_row(size_t column) const {
  const double* first = inverse_.data() + column * columns_;
  std::vector<double> row(first, first + columns_);
  for (size_t k = 0; k < waiting_; ++k) {
    const double* right = right_.data() + k * columns_;
    for (size_t j = 0; j < columns_; ++j) row[j] -= right[column] * right[j];
  }
  return row;
}

std::vector<float> Elimination::weights_of(size_t column) const {
  std::vector<float> weights(rows_);
  for (size_t i = 0; i < rows_; ++i) weights[i] = weights_[i * columns_ + column];
  for (size_t k = 0; k < waiting_; ++k) {
    const float factor = right_floats_[k * columns_ + column];
    for (size_t i = 0; i < rows_; ++i) weights[i] -= factor * left_[k * rows_ + i];
  }
  return weights;
}

/// With every column of the weights.
std::vector<double> Elimination::products_with(const std::vector<float>& vector) const {
  std::vector<float> shares(waiting_);
  for (size_t k = 0; k < waiting_; ++k) {
    for (size_t i = 0; i < rows_; ++i) shares[k] += left_[k * rows_ + i] * vector[i];
  }
  std::vector<double> products(columns_);
  pool_.run_ranges(columns_, kColumns, [&](size_t begin, size_t end, size_t) {
    std::vector<float> sums(end - begin);
    const auto add = [&](float factor, const float* line) {
      for (size_t j = begin; j < end; ++j) sums[j - begin] += factor * line[j];
    };
    for (size_t i = 0; i < rows_; ++i) add(vector[i], weights_.data() + i * columns_);
    for (size_t k = 0; k < waiting_; ++k) add(-shares[k], right_floats_.data() + k * columns_);
    std::copy(sums.begin(), sums.end(), products.begin() + static_cast<ptrdiff_t>(begin));
  });
  return products;
}

void Elimination::find_norms() {
  norms_.assign(columns_, 0);
  for (size_t row = 0; row < rows_; ++row) {
    const float* line = weights_.data() + row * columns_;
    for (size_t j = 0; j < columns_; ++j) norms_[j] += static_cast<double>(line[j]) * line[j];
  }
}

}  // namespace twofour::pruning
