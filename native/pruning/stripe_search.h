#pragma once
#include <cstdint>
#include <span>

#include "base/control.h"
#include "base/thread_pool.h"
#include "pruning/column_scores.h"

namespace twofour::pruning {

/// Takes pairs of groups of four columns and splits their eight the best of the 35 ways that there are (Pool
/// & Yu 2021), those that win most first, until no pair gains or a number of pairs was looked at. `order` is
/// whole groups, of which `n` columns stay in each row.
void improve_by_stripes(const ColumnScores& scores, size_t n, std::span<int32_t> order, ThreadPool& pool,
                        const Control& control);

}  // namespace twofour::pruning
