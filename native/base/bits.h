#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace twofour {

/// Kept bits, one per element, row-major, lowest bit of each byte first: the form of a plan file.
inline bool bit_at(std::span<const uint8_t> bits, size_t index) {
  return (bits[index >> 3] >> (index & 7)) & 1u;
}
inline void clear_bit(std::span<uint8_t> bits, size_t index) {
  bits[index >> 3] = static_cast<uint8_t>(bits[index >> 3] & ~(1u << (index & 7)));
}
inline size_t bytes_of_bits(size_t count) { return (count + 7) / 8; }

}  // namespace twofour
