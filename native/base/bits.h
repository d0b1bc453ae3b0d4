#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace twofour {

/// Kept bits, one per element, row-major, lowest bit of each byte first: the form of a plan file.
inline bool bit_at(std::span<const uint8_t> bits, size_t index) {
  return (bits[index >> 3] >> (index & 7)) & 1u;
}
inline void clear_bit(std::span<uint8_t> bits, size_t index) {
  bits[index >> 3] = static_cast<uint8_t>(bits[index >> 3] & ~(1u << (index & 7)));
}
inline size_t bytes_of_bits(size_t count) { return (count + 7) / 8; }
inline size_t count_bits(std::span<const uint8_t> bits) {
  size_t count = 0;
  for (const uint8_t byte : bits) count += static_cast<size_t>(std::popcount(byte));
  return count;
}
/// The bits of `count` elements of which those in `bits` are kept; empty: all.
inline std::vector<uint8_t> kept_bits(const std::vector<uint8_t>& bits, size_t count) {
  std::vector<uint8_t> kept = bits;
  if (kept.empty()) kept.assign(bytes_of_bits(count), 0xff);
  if (count % 8 != 0) kept.back() &= static_cast<uint8_t>((1u << (count % 8)) - 1);
  return kept;
}

}  // namespace twofour
