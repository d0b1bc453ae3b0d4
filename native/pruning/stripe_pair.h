#pragma once
#include <array>
#include <cstdint>

#include "pruning/column_scores.h"

namespace twofour::pruning {

/// Eight columns as two groups of four: the numbers of the first group's, then those of the second's.
using Split = std::array<uint8_t, 8>;

struct Gain {
  float more = 0;     ///< Kept beyond what the groups keep as they are.
  uint8_t split = 0;  ///< Of `split_at`; 0 leaves all where it is.
};

/// The best of the 35 ways to split the columns of two groups of which `n` stay in each row.
Gain best_split(const ColumnScores& scores, size_t n, const int32_t* first, const int32_t* second);
const Split& split_at(uint8_t index);

}  // namespace twofour::pruning
