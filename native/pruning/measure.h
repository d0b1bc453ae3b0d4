#pragma once
#include <vector>

#include "base/control.h"
#include "base/thread_pool.h"
#include "base/weight_source.h"

namespace twofour::pruning {

enum class Axis : uint8_t { rows, columns };

/// Sum of |w| over consecutive groups of `group` rows or columns of each matrix (a vector has one column).
/// The size along the axis is a multiple of `group`. Throws what read_floats throws, and Cancelled.
std::vector<std::vector<double>> group_norms(const std::vector<WeightSource>& matrices, Axis axis,
                                             size_t group, ThreadPool& pool, Control& control);

struct WeightReport {
  size_t elements, zeros;
  bool two_of_four;               ///< Every whole group of four inputs holds at least two zeros, and no tail.
  ptrdiff_t first_offending_row;  ///< −1: none.
};

/// Throws what read_floats throws, and Cancelled.
std::vector<WeightReport> inspect(const std::vector<WeightSource>& matrices, ThreadPool& pool,
                                  Control& control);

}  // namespace twofour::pruning
