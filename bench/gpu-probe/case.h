#pragma once
#include "json_line.h"
#include "products.h"

namespace probe {

/// A problem with seeded operands on the device. W is 2:4.
struct Case {
  explicit Case(const Problem& problem);

  Operands dense_operands() const { return {weight.data(), input.data(), residual.data(), out.data()}; }
  Operands sparse_operands(const Memory& compressed) const {
    return {compressed.data(), input.data(), residual.data(), out.data()};
  }
  const void* bias_pointer() const { return bias.data(); }
  /// First and last rows of D: what two results are compared by.
  std::vector<std::byte> ends() const;

  Problem problem;
  Memory weight, input, bias, residual, out;
};

/// Largest difference in units of the largest of `wanted`; infinite where a NaN is.
float apart(Number number, const std::vector<std::byte>& got, const std::vector<std::byte>& wanted);

JsonLine line_of(const char* question, const Problem& problem);

}  // namespace probe
