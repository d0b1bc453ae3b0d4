#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>

namespace twofour::cuda {

/// Passes of more tokens keep the device busy while the host launches: they are never recorded.
constexpr size_t kMostRecorded = 4096;

/// Rows that buffers and sparse products are made for: the next multiple of 64 up to 1,024, of 128 (a tile of
/// a product) up to 4,096, beyond that of a sixteenth of the power of two below, so that shapes soon repeat.
constexpr size_t capacity_of(size_t tokens) {
  const size_t step = tokens < 1024 ? 64 : std::max<size_t>(std::bit_floor(tokens) / 16, 128);
  return std::max<size_t>((tokens + step - 1) / step * step, 64);
}

/// Rows that a dense product computes. A recording repeats it for other numbers of tokens, so that there it
/// computes all rows of its buffers; elsewhere just so many as there are.
constexpr size_t dense_rows_of(size_t tokens) {
  return capacity_of(tokens) > kMostRecorded ? tokens : capacity_of(tokens);
}

}  // namespace twofour::cuda
