#pragma once
#include <string>

#include "cpu/activations.h"

namespace twofour::cpu {

/// Tokens [begin, begin + tokens) of y = activation(x Wᵀ + b) + r, against one of `parts` parts of W's rows.
struct Product {
  const CpuActivations& in;
  const Epilogue& epilogue;
  CpuActivations& out;
  size_t begin, tokens;
  size_t part, parts;
};

/// One way in which a matrix is held and multiplied. Immutable; `multiply` writes fp32 rows only and may run
/// on several threads, on different products.
class LinearForm {
 public:
  virtual ~LinearForm() = default;
  virtual std::string name() const = 0;
  virtual size_t bytes() const = 0;
  /// What it reads of its input.
  virtual Storage reads() const = 0;
  /// Tokens of one product; the last of a batch may have fewer.
  virtual size_t token_block() const = 0;
  /// Into how many parts the rows can be split.
  virtual size_t most_parts() const = 0;
  virtual void multiply(const Product& product) const = 0;
};

}  // namespace twofour::cpu
