#pragma once
#include <cstddef>
#include <vector>

#include "base/thread_pool.h"

namespace twofour::pruning {

/// Least squares from which inputs go one by one: weights [rows, columns], and the inverse of what their
/// squared error curves by. Removing one moves the other weights to where that costs least. What a removal
/// does is put off and done for many together, so that matrices are passed by products.
class Elimination {
 public:
  /// `inverse` [columns, columns], symmetric.
  Elimination(std::vector<float> weights, std::vector<double> inverse, size_t columns, ThreadPool& pool);

  /// By how much the squared error of all rows would grow.
  double cost(size_t column) const { return norms_[column] / diagonal_[column]; }
  /// Of columns [first, first + count) together. After `settle` alone.
  double cost(size_t first, size_t count) const;
  void remove(size_t column);
  /// Does what was put off.
  void settle();

 private:
  std::vector<double> inverse_row(size_t column) const;
  std::vector<float> weights_of(size_t column) const;
  std::vector<double> products_with(const std::vector<float>& vector) const;
  void find_norms();

  size_t rows_, columns_;
  std::vector<float> weights_;
  std::vector<double> inverse_;
  ThreadPool& pool_;
  std::vector<double> norms_, diagonal_;  ///< Of each column as it is now: Σ w², and the inverse's.
  // What was put off: weights − Σ left · rightᵀ, inverse − Σ right · rightᵀ.
  size_t waiting_ = 0;
  std::vector<float> left_, right_floats_;  ///< [waiting, rows], [waiting, columns]
  std::vector<double> right_;               ///< [waiting, columns]
};

}  // namespace twofour::pruning
