#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace twofour::pruning {

/// Linear sum assignment: for each row of `gains` [size, size] a column of its own, so that the sum of gains
/// is the largest there is. Shortest augmenting paths over reduced costs (Jonker & Volgenant 1987): at most
/// some size³ steps.
std::vector<size_t> best_assignment(std::span<const float> gains, size_t size);

}  // namespace twofour::pruning
