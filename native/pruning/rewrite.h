#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/moments.h"
#include "base/thread_pool.h"
#include "base/weight_source.h"

namespace twofour::pruning {

/// What becomes of a matrix [rows, columns] (a vector has one column): which of its lines stand where, and
/// what they are multiplied with, factors being those of the lines as they stand afterwards.
struct Rewrite {
  std::optional<std::vector<int32_t>> rows, columns;  ///< Absent: all, as they are.
  std::vector<float> row_factors, column_factors;     ///< Empty: ones.
};

struct Rewritten {
  std::vector<std::byte> numbers;  ///< In the stored dtype; rounded only where there are factors.
  std::vector<uint8_t> bits;       ///< Empty where the source has none.
};

/// Numbers as stored, whatever the bits say, and the bits along with them; `source.rows` and `columns` are
/// not looked at. Throws what RowReader throws.
Rewritten rewrite(const WeightSource& source, const Rewrite& how, ThreadPool& pool);

/// Moments of the inputs in another order.
Moments reordered(const Moments& moments, const std::vector<int32_t>& order, ThreadPool& pool);

}  // namespace twofour::pruning
