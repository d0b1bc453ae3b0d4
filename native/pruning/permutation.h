#pragma once
#include <cstdint>
#include <vector>

#include "base/control.h"
#include "base/thread_pool.h"
#include "pruning/scores.h"
#include "pruning/select.h"

namespace twofour::pruning {

/// An order of a matrix' inputs.
struct Permutation {
  std::vector<int32_t> order;  ///< [columns]: place i takes what stands at order[i].
  /// Sums of the scores that N:M keeps: as it is, in that order, and where each row could keep its highest
  /// wherever they stand.
  double before = 0, after = 0, best = 0;
};

/// Looks for an order under which N:M keeps as much of a score as it can, by assignment and, for groups of
/// four, by stripes. Inputs move only within blocks of `block` consecutive ones (a head), a multiple of
/// `pattern.m`, of those that `source.columns` keep; others and a tail stay where they are. The work is
/// bounded and the result does not depend on the number of threads. Throws what RowReader throws,
/// PRUNE_NOT_FINITE included, and Cancelled.
Permutation find_permutation(const WeightSource& source, const Score& score, const NOfM& pattern,
                             size_t block, ThreadPool& pool, Control& control);

}  // namespace twofour::pruning
