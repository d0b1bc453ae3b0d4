#pragma once
#include <cstdint>
#include <span>

#include "base/control.h"
#include "base/thread_pool.h"
#include "pruning/column_scores.h"

namespace twofour::pruning {

/// Takes one column out of every group of m and gives each group the one that serves the whole best (linear
/// assignment, as RIA's permutation does, Zhang et al. 2024), for every place in the groups, round after
/// round until that brings little. `order` is whole groups of columns; what it keeps never falls. `worth` is
/// what can be won at most.
void improve_by_slots(const ColumnScores& scores, size_t n, size_t m, double worth, std::span<int32_t> order,
                      ThreadPool& pool, const Control& control);

}  // namespace twofour::pruning
