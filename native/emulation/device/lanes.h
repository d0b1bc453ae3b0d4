#pragma once
#include <bit>
#include <cstdint>

namespace twofour::emulation {

inline constexpr unsigned kLanes = 32;
inline constexpr uint32_t kAllLanes = 0xffffffff;

/// Of a set of lanes that is not empty.
inline unsigned lowest(uint32_t lanes) { return static_cast<unsigned>(std::countr_zero(lanes)); }
inline unsigned highest(uint32_t lanes) {
  return kLanes - 1 - static_cast<unsigned>(std::countl_zero(lanes));
}
/// The set of one lane, or of a thread's.
inline uint32_t bit(unsigned lane) { return uint32_t{1} << lane % kLanes; }

}  // namespace twofour::emulation
