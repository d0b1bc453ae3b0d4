#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>

namespace twofour::cuda {

/// Rows that buffers and products are made for: up to 1,024 the next multiple of 64, beyond that of an eighth
/// of the power of two below, so that at most an eighth is computed for nothing and shapes soon repeat.
constexpr size_t capacity_of(size_t tokens) {
  const size_t step = std::max<size_t>(std::bit_floor(tokens) / 8, 64);
  return std::max<size_t>((tokens + step - 1) / step * step, 64);
}

}  // namespace twofour::cuda
