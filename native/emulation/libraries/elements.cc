#include "emulation/libraries/elements.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <vector>

namespace twofour::emulation {
namespace {

struct Row {
  cudaDataType type;
  size_t bytes;
  const char* name;
};
constexpr Row kTypes[] = {{CUDA_R_32F, 4, "float32"},   {CUDA_R_16F, 2, "float16"},
                          {CUDA_R_16BF, 2, "bfloat16"}, {CUDA_R_8F_E4M3, 1, "e4m3"},
                          {CUDA_R_8I, 1, "int8"},       {CUDA_R_32I, 4, "int32"}};

const Row* row_of(cudaDataType type) {
  const auto* row =
      std::find_if(std::begin(kTypes), std::end(kTypes), [=](const Row& each) { return each.type == type; });
  return row == std::end(kTypes) ? nullptr : row;
}

/// A small floating-point format: `fraction` bits after the point, exponents from `lowest` (of a normal
/// number) up.
struct Small {
  int fraction;
  int lowest;
  float largest;
};
constexpr Small kHalf{10, -14, 65504};
constexpr Small kE4m3{3, -6, 448};

/// The nearest value of the format, ties to even; above the largest by more than half a step, infinity.
float round_to(const Small& format, float value) {
  if (!std::isfinite(value) || value == 0) return value;
  const int exponent = std::max(std::ilogb(value), format.lowest);
  const float step = std::ldexp(1.0f, exponent - format.fraction);
  const float rounded = std::nearbyint(value / step) * step;
  return std::fabs(rounded) > format.largest ? std::copysign(std::numeric_limits<float>::infinity(), value)
                                             : rounded;
}

/// Sign, exponent and fraction of a value that the format has.
uint32_t bits_of(const Small& format, int exponent_bits, float value) {
  const uint32_t sign = std::signbit(value) ? 1u << (exponent_bits + format.fraction) : 0;
  const float magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), format.lowest);
  const auto units = static_cast<uint32_t>(std::ldexp(magnitude, format.fraction - exponent));
  // The leading 1 of a normal number adds the first step of its exponent field.
  return sign | ((static_cast<uint32_t>(exponent - format.lowest) << format.fraction) + units);
}

float value_of(const Small& format, int exponent_bits, uint32_t bits) {
  const bool negative = (bits >> (exponent_bits + format.fraction)) & 1;
  const int exponent = static_cast<int>(bits >> format.fraction) & ((1 << exponent_bits) - 1);
  const auto fraction = static_cast<float>(bits & ((1u << format.fraction) - 1));
  const float units = exponent == 0 ? fraction : fraction + static_cast<float>(1 << format.fraction);
  const float magnitude = std::ldexp(units, std::max(exponent, 1) - 1 + format.lowest - format.fraction);
  return negative ? -magnitude : magnitude;
}

float half_value(uint16_t bits) {
  if ((bits & 0x7C00) == 0x7C00) {
    const float infinity = std::numeric_limits<float>::infinity();
    if ((bits & 0x3FF) != 0) return std::numeric_limits<float>::quiet_NaN();
    return (bits & 0x8000) != 0 ? -infinity : infinity;
  }
  return value_of(kHalf, 5, bits);
}

/// Weights are read again for every product, so their values come from a table.
float half_of(uint16_t bits) {
  static const std::vector<float> table = [] {
    std::vector<float> values(1 << 16);
    for (size_t i = 0; i < values.size(); ++i) values[i] = half_value(static_cast<uint16_t>(i));
    return values;
  }();
  return table[bits];
}

uint16_t half_bits(float value) {
  if (std::isnan(value)) return 0x7FFF;
  const float rounded = round_to(kHalf, value);
  if (std::isinf(rounded)) return std::signbit(value) ? 0xFC00 : 0x7C00;
  return static_cast<uint16_t>(bits_of(kHalf, 5, rounded));
}

uint16_t bfloat_bits(float value) {
  if (std::isnan(value)) return 0x7FFF;
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float e4m3_of(uint8_t bits) {
  static const std::vector<float> table = [] {
    std::vector<float> values(1 << 8);
    for (uint32_t i = 0; i < values.size(); ++i) values[i] = value_of(kE4m3, 4, i);
    values[0x7F] = values[0xFF] = std::numeric_limits<float>::quiet_NaN();
    return values;
  }();
  return table[bits];
}

uint8_t e4m3_bits(float value) {
  if (std::isnan(value)) return 0x7F;
  const float rounded = round_to(kE4m3, std::clamp(value, -kE4m3.largest, kE4m3.largest));
  return static_cast<uint8_t>(bits_of(kE4m3, 4, rounded));
}

/// An integer has no NaN: poison stays poison, all bits set.
template <class T>
T to_integer(float value, float lowest, float highest) {
  return std::isnan(value) ? T(-1) : static_cast<T>(std::nearbyint(std::clamp(value, lowest, highest)));
}

template <class T>
T load(const void* data, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + index * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void store(void* data, size_t index, T value) {
  std::memcpy(static_cast<char*>(data) + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

size_t size_of(cudaDataType type) {
  const Row* row = row_of(type);
  return row == nullptr ? 0 : row->bytes;
}

const char* name_of(cudaDataType type) {
  const Row* row = row_of(type);
  return row == nullptr ? "a type that the stand-in does not have" : row->name;
}

float read_element(const void* data, cudaDataType type, size_t index) {
  switch (type) {
    case CUDA_R_16F:
      return half_of(load<uint16_t>(data, index));
    case CUDA_R_16BF:
      return std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(data, index)) << 16);
    case CUDA_R_8F_E4M3:
      return e4m3_of(load<uint8_t>(data, index));
    case CUDA_R_8I:
      return static_cast<float>(load<int8_t>(data, index));
    case CUDA_R_32I:
      return static_cast<float>(load<int32_t>(data, index));
    default:
      return load<float>(data, index);
  }
}

void write_element(void* data, cudaDataType type, size_t index, float value) {
  switch (type) {
    case CUDA_R_16F:
      return store(data, index, half_bits(value));
    case CUDA_R_16BF:
      return store(data, index, bfloat_bits(value));
    case CUDA_R_8F_E4M3:
      return store(data, index, e4m3_bits(value));
    case CUDA_R_8I:
      return store(data, index, to_integer<int8_t>(value, -128, 127));
    case CUDA_R_32I:
      return store(data, index, to_integer<int32_t>(value, -2147483648.0f, 2147483520.0f));
    default:
      return store(data, index, value);
  }
}

}  // namespace twofour::emulation
