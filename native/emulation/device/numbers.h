#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

/// The number types of native/cuda/device/device.h and their conversions, bit for bit.
namespace twofour::cuda {

struct Half {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};
struct E4m3 {
  uint8_t bits;
};

inline float to_float(float x) { return x; }

inline float to_float(Half x) {
  const uint32_t magnitude = static_cast<uint32_t>(x.bits & 0x7fff) << 13;
  // One product moves the exponent's bias from 15 to 127, and makes subnormals right too.
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  // The highest exponent means infinite or NaN in both formats.
  const uint32_t special = value >= 0x1p16f ? 0x7f800000 : 0;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | special |
                              static_cast<uint32_t>(x.bits & 0x8000) << 16);
}

inline float to_float(Bfloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

inline float to_float(E4m3 x) {
  if ((x.bits & 0x7f) == 0x7f) return std::numeric_limits<float>::quiet_NaN();
  const float value = std::bit_cast<float>(static_cast<uint32_t>(x.bits & 0x7f) << 20) * 0x1p120f;
  return x.bits & 0x80 ? -value : value;
}

inline Half half_from(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return {0x7fff};
  // 65,520, half a step above the largest, and all beyond.
  if (magnitude >= 0x477ff000) return {static_cast<uint16_t>(sign | 0x7c00)};
  if (magnitude < 0x38800000) {
    // Below 2⁻¹⁴ the steps are 2⁻²⁴, those of floats just above 0.5.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000))};
  }
  const uint32_t rounded = magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1);
  return {static_cast<uint16_t>(sign | rounded >> 13)};
}

inline Bfloat16 bfloat16_from(float x) {
  if (std::isnan(x)) return {0x7fff};
  const auto bits = std::bit_cast<uint32_t>(x);
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

inline E4m3 e4m3_from(float x) {
  if (std::isnan(x)) return {0x7f};
  const auto bits = std::bit_cast<uint32_t>(x);
  const auto sign = static_cast<uint8_t>(bits >> 24 & 0x80);
  const uint32_t magnitude = std::min(bits & 0x7fffffff, std::bit_cast<uint32_t>(448.0f));
  if (magnitude < std::bit_cast<uint32_t>(0x1p-6f)) {
    // Below 2⁻⁶ the steps are 2⁻⁹, those of floats just above 2¹⁴.
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return {
        static_cast<uint8_t>(sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0x1p14f)))};
  }
  const uint32_t rounded = magnitude - (120u << 23) + 0x7ffff + (magnitude >> 20 & 1);
  return {static_cast<uint8_t>(sign | rounded >> 20)};
}

template <class T>
T from_float(float x) {
  if constexpr (std::is_same_v<T, Half>) {
    return half_from(x);
  } else if constexpr (std::is_same_v<T, Bfloat16>) {
    return bfloat16_from(x);
  } else if constexpr (std::is_same_v<T, E4m3>) {
    return e4m3_from(x);
  } else {
    static_assert(std::is_same_v<T, float>);
    return x;
  }
}

template <class T>
uint32_t pack_pair(float low, float high) {
  static_assert(sizeof(T) == 2);
  return from_float<T>(low).bits | static_cast<uint32_t>(from_float<T>(high).bits) << 16;
}

inline int round_to_int(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p31f) return std::numeric_limits<int>::max();
  if (x < -0x1p31f) return std::numeric_limits<int>::min();
  return static_cast<int>(std::nearbyint(x));
}

inline float exp2_fast(float x) {
  const float power = std::exp2(x);
  return power < std::numeric_limits<float>::min() ? 0 : power;
}

}  // namespace twofour::cuda
