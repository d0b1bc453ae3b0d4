#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/control.h"
#include "base/moments.h"
#include "base/thread_pool.h"
#include "base/weight_source.h"

namespace twofour::pruning {

enum class Per : uint8_t { matrix, row, global };

/// round(fraction · n) weights go, half rounds up; n counts the matrix, each row, or all matrices together.
struct Unstructured {
  double fraction;
  Per per;
};

/// Of every m consecutive inputs of a row (among those that a source's `columns` keep), n stay. A tail of
/// fewer than m inputs stays whole.
struct NOfM {
  size_t n, m;
};

using Pattern = std::variant<Unstructured, NOfM>;

struct Selection {
  std::vector<std::vector<uint8_t>>
      bits;                   ///< One per matrix: what was kept before and is kept by the pattern.
  std::vector<size_t> kept;   ///< Bits that are set.
  std::vector<size_t> tails;  ///< Inputs per row outside every whole group (N:M only).
};

/// By what weights are ranked.
struct Ranking {
  std::string_view score;
  uint64_t seed, stream;
  std::span<const std::shared_ptr<Moments>> moments;  ///< One for each matrix, or none at all.
  bool reverse = false;  ///< The highest go first; of equal ones still the later.
};

/// Chooses by score. Weights that are gone already go first. Of equal scores the lower index stays (for
/// `global` the earlier matrix). The result does not depend on the number of threads. Throws what read_floats
/// throws (PRUNE_NOT_FINITE included), and Cancelled.
Selection select(const std::vector<WeightSource>& matrices, const Ranking& ranking, const Pattern& pattern,
                 ThreadPool& pool, Control& control);

}  // namespace twofour::pruning
