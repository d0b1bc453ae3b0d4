#include "base/dtype.h"

#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"

namespace twofour {
namespace {

struct Row {
  Dtype dtype;
  std::string_view name;
  size_t width;
};

constexpr Row kDtypes[] = {
    {Dtype::f32, "F32", 4}, {Dtype::f16, "F16", 2}, {Dtype::bf16, "BF16", 2},
    {Dtype::f64, "F64", 8}, {Dtype::f8, "F8", 1},   {Dtype::i64, "I64", 8},
    {Dtype::i32, "I32", 4}, {Dtype::i16, "I16", 2}, {Dtype::u8, "U8", 1},
};

template <typename T>
T load(const std::byte* bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

/// Moves the half's exponent and mantissa into place and rescales, which also makes subnormals right;
/// infinities and NaN get the exponent that the rescaling took away. No branch, so loops vectorise.
float from_half(uint16_t half) {
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffu) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const uint32_t special = (half & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | special | sign);
}

/// Both halves' rounding: drops `bits` of a magnitude's bits, the carry running into the exponent as it
/// should.
uint32_t rounded(uint32_t magnitude, uint32_t bits) {
  return (magnitude + (1u << (bits - 1)) - 1 + (magnitude >> bits & 1u)) >> bits;
}

uint16_t to_half(float value) {
  const auto word = std::bit_cast<uint32_t>(value);
  const uint32_t sign = word >> 16 & 0x8000u, magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);
  // Below 2⁻¹⁴ halves lie 2⁻²⁴ apart: adding 0.5, whose last bit is worth as much, rounds to one.
  if (magnitude < 0x38800000u) {
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000u));
  }
  return static_cast<uint16_t>(sign | rounded(magnitude - 0x38000000u, 13));
}

uint16_t to_bfloat16(float value) {
  const auto word = std::bit_cast<uint32_t>(value);
  const uint32_t sign = word >> 16 & 0x8000u, magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7fc0u);
  return static_cast<uint16_t>(sign | rounded(magnitude, 16));
}

template <typename T>
void store(std::byte* bytes, size_t index, T value) {
  std::memcpy(bytes + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

size_t width_of(Dtype dtype) { return kDtypes[static_cast<size_t>(dtype)].width; }

Dtype dtype_from(std::string_view name) {
  for (const Row& row : kDtypes) {
    if (row.name == name) return row.dtype;
  }
  throw Error("INTERNAL", "Unknown dtype " + std::string(name) + " crossed the binding.");
}

void to_float(Dtype dtype, const std::byte* bytes, size_t count, float* out) {
  switch (dtype) {
    case Dtype::f32:
      if (count > 0) std::memcpy(out, bytes, count * sizeof(float));
      return;
    case Dtype::f16:
      for (size_t i = 0; i < count; ++i) out[i] = from_half(load<uint16_t>(bytes, i));
      return;
    case Dtype::bf16:
      for (size_t i = 0; i < count; ++i) {
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(bytes, i)) << 16);
      }
      return;
    case Dtype::f64:
      for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<double>(bytes, i));
      return;
    default:
      throw Error("INTERNAL", "A tensor that is no weight was asked for as numbers.");
  }
}

void from_float(Dtype dtype, const float* numbers, size_t count, std::byte* out) {
  switch (dtype) {
    case Dtype::f32:
      if (count > 0) std::memcpy(out, numbers, count * sizeof(float));
      return;
    case Dtype::f16:
      for (size_t i = 0; i < count; ++i) store(out, i, to_half(numbers[i]));
      return;
    case Dtype::bf16:
      for (size_t i = 0; i < count; ++i) store(out, i, to_bfloat16(numbers[i]));
      return;
    case Dtype::f64:
      for (size_t i = 0; i < count; ++i) store(out, i, static_cast<double>(numbers[i]));
      return;
    default:
      throw Error("INTERNAL", "Numbers were to be stored as a tensor that is no weight.");
  }
}

}  // namespace twofour
