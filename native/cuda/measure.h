#pragma once
#include "cuda/device_weight.h"
#include "cuda/found.h"

namespace twofour::cuda {

/// A product in the epilogue that a model runs it with.
struct Subject {
  ProductShape dense;
  const DeviceWeight& weight;
  const void* compressed;  ///< Null: it has no sparse form.

  /// Without an activation that cuSPARSELt lacks: a kernel follows, which is measured too.
  ProductShape sparse() const;
  /// "bias, residual" …: what tells apart equal shapes.
  std::string epilogue() const;
};

/// Times the algorithms of both libraries for a product at `tokens`: dense at just so many, sparse at the
/// capacity that they are rounded up to. An algorithm whose output differs from that of cuBLASLt's own choice
/// is left out. Takes and gives back memory for inputs and outputs. Throws what plans throw, OUT_OF_MEMORY.
Found measure(Context& context, const Subject& subject, size_t tokens);

}  // namespace twofour::cuda
