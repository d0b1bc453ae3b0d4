#pragma once
#include <optional>
#include <string>

#include "cuda/dense_plan.h"
#include "cuda/sparse_plan.h"

namespace twofour::cuda {

/// What was found for one product and number of tokens: the best algorithm of each library, and their times
/// in µs, the second level of caches emptied before each. TensorScale keeps in one what it compares.
struct Found {
  size_t tokens = 0;
  double dense_us = 0;
  DenseAlgorithm dense_algorithm{};
  size_t place = 1, candidates = 1;   ///< Of the dense algorithm among those that cuBLASLt offered.
  std::optional<double> sparse_us{};  ///< None where no sparse algorithm was tried, or none could be used.
  SparseAlgorithm sparse_algorithm{};
  bool sparse_wins = false;            ///< By more than the timing's own spread, cold and warm.
  std::optional<double> warm_ratio{};  ///< Dense over sparse time with warm caches. Not kept.

  double ratio() const { return sparse_us ? dense_us / *sparse_us : 0; }
  /// A sentence: of both forms, or of the dense one where there is no other.
  std::string sentence() const;

  /// The algorithms as text and back, for what is kept on disk. Nothing from a text that this version did not
  /// write, or that was changed since: what a library reads there it may not check.
  std::string algorithm() const;
  static std::optional<Found> from(const std::string& algorithm);
};

}  // namespace twofour::cuda
