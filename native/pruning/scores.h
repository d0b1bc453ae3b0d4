#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace twofour::pruning {

/// What identifies one drawing of random numbers.
struct Draw {
  uint64_t seed, stream, matrix;
};

/// Replaces weights, of which the first is element `begin` of its matrix, by numbers ≥ 0: the lower, the
/// sooner a weight goes.
using Score = void (*)(const Draw& draw, size_t begin, std::span<float> weights);

/// By name: `magnitude` is |w|, `random` is uniform. Throws Error INTERNAL on another name.
Score score_named(std::string_view name);

/// Uniform in [0, 1) with 24 bits, the same whatever the threads: element `index` of a drawing.
float random_at(const Draw& draw, uint64_t index);

}  // namespace twofour::pruning
