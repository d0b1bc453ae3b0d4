#pragma once
#include <optional>

#include "cuda/dense_plan.h"
#include "cuda/device_weight.h"
#include "cuda/sparse_plan.h"

namespace twofour::cuda {

/// What was found for one shape and number of tokens: the best algorithm of each library, and their times in
/// µs, the second level of caches emptied before each.
struct Found {
  std::optional<double> dense_us, sparse_us;  ///< Neither where no sparse algorithm could be used.
  size_t dense_algorithm;
  SparseAlgorithm sparse_algorithm;
  bool sparse_wins;    ///< By more than the timing's own spread, cold and warm.
  std::string reason;  ///< A sentence.

  /// As text and back, for what is kept on disk. Nothing from a text that this version did not write.
  std::string algorithm() const;
  static std::optional<Found> from(const std::string& algorithm, double dense_us, double sparse_us,
                                   size_t tokens);
};

/// Times every algorithm of both libraries for a product with W at `tokens`: dense at just so many, sparse at
/// the capacity that they are rounded up to. A sparse algorithm whose output differs from the dense one is
/// left out. Takes and gives back memory for inputs and outputs. Throws what plans throw.
Found measure(Context& context, const ProductShape& shape, const DeviceWeight& weight, const void* compressed,
              size_t tokens);

}  // namespace twofour::cuda
