#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/moments.h"
#include "base/weight_source.h"

namespace twofour::pruning {

/// What identifies one drawing of random numbers.
struct Draw {
  uint64_t seed, stream, matrix;
};

/// A matrix and what a score may know of it beside its weights.
struct Scored {
  const WeightSource& source;
  const Moments* moments;  ///< Of its input; null where none were collected.
  Draw draw;
};

/// Ranks weights of one matrix: replaces those it is given, of which the first is element `begin`, by numbers
/// ≥ 0; the lower, the sooner a weight goes. Any number of threads may call it.
using Score = std::function<void(size_t begin, std::span<float> weights)>;

/// By name: see the list in scores.cc. `matrix` is borrowed. A score that looks at the whole matrix reads it
/// here, and throws what RowReader throws. Throws Error INTERNAL on another name, or without moments where
/// the score reads activations.
Score score_named(std::string_view name, const Scored& matrix);

/// Uniform in [0, 1) with 24 bits, the same whatever the threads: element `index` of a drawing.
float random_at(const Draw& draw, uint64_t index);

// Scores with a file of their own.

/// |w| · √Σx² (Sun et al. 2023, "Wanda").
Score wanda(const Scored& matrix);
/// (|w| / Σ|w| of its column + |w| / Σ|w| of its row) · (Σx²)^¼ (Zhang et al. 2024, "RIA", with a = ½).
Score ria(const Scored& matrix);
/// w² / Σw² over the weights of its matrix that are at least as large (Lee et al. 2021, "LAMP"): within a
/// matrix the order of |w|, and comparable between matrices.
Score lamp(const Scored& matrix);

}  // namespace twofour::pruning
