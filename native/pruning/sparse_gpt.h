#pragma once
#include <cstdint>
#include <vector>

#include "pruning/select.h"
#include "pruning/update.h"

namespace twofour::pruning {

struct SparseGpt {
  Updated updated;
  std::vector<uint8_t> bits;
  size_t kept, tail;  ///< As in Selection.
};

/// Frantar & Alistarh 2023 on centred inputs: columns from left to right, what a weight's loss costs is put
/// on those to its right. With H = C + λ I and U the upper Cholesky factor of H⁻¹, a weight's score is (w /
/// U_ii)². N:M is chosen at each group's first column. Of the unstructured fraction each block of `block`
/// columns loses what makes the zeros of all columns so far round(fraction · n), by one threshold.
/// Weights that are gone already go first; of equal scores the lower index stays; inputs that are dead count
/// as weightless. Where the moments have a target, the weights that all begins with are its ridge solution:
/// (cross + λ W) H⁻¹. Of `pattern` `per` is not looked at; groups run over the inputs that `weight.columns`
/// keep, and a block is rounded up to whole groups. Throws what read_stored throws, PRUNE_SINGULAR and
/// Cancelled.
SparseGpt sparse_gpt(const WeightSource& weight, const WeightSource& bias, const Aim& aim,
                     const Pattern& pattern, size_t block, ThreadPool& pool, Control& control);

}  // namespace twofour::pruning
