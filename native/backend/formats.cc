#include "backend/formats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace twofour {
namespace {

constexpr std::string_view kNames[] = {"float32", "float16", "bfloat16", "int8", "float8"};
constexpr float kLargestE4m3 = 448;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool all_finite(std::span<const float> row) {
  return std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); });
}

float largest(std::span<const float> row) {
  float most = 0;
  for (const float x : row) most = std::max(most, std::fabs(x));
  return most;
}

void round_to_float8(std::span<float> row) {
  const float scale = e4m3_scale(row);
  for (float& x : row) x = round_to_e4m3(x / scale) * scale;
}

}  // namespace

Format format_from(std::string_view name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) throw Error("INTERNAL", "Unknown format " + std::string(name) + ".");
  return static_cast<Format>(found - std::begin(kNames));
}

Sparsity sparsity_from(std::string_view name) {
  if (name == "off") return Sparsity::off;
  if (name == "require") return Sparsity::require;
  if (name != "auto") throw Error("INTERNAL", "Unknown sparsity " + std::string(name) + ".");
  return Sparsity::automatic;
}

std::string_view name_of(Format format) { return kNames[static_cast<size_t>(format)]; }

float round_to_float16(float x) {
  const float magnitude = std::fabs(x);
  if (!std::isfinite(x) || magnitude >= 65520) return std::isnan(x) ? x : std::copysign(kInfinity, x);
  // One step is 2⁻¹⁰ of the power of two below, and no smaller than the subnormals' 2⁻²⁴.
  const int exponent = std::max(magnitude > 0 ? std::ilogb(magnitude) : -14, -14);
  const float step = std::ldexp(1.0f, exponent - 10);
  return std::copysign(std::nearbyint(magnitude / step) * step, x);
}

float round_to_bfloat16(float x) {
  if (std::isnan(x)) return x;
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}

float round_to_e4m3(float x) {
  if (std::isnan(x)) return x;
  const float magnitude = std::min(std::fabs(x), kLargestE4m3);
  // One step is 2⁻³ of the power of two below, and no smaller than the subnormals' 2⁻⁹.
  const int exponent = std::max(magnitude > 0 ? std::ilogb(magnitude) : -6, -6);
  const float step = std::ldexp(1.0f, exponent - 3);
  return std::copysign(std::nearbyint(magnitude / step) * step, x);
}

Levels levels_of(std::span<const float> row) {
  if (!all_finite(row)) return {kNaN, 0};
  float low = 0, high = 0;
  for (const float x : row) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  // Halves first: the span of two large numbers of opposite sign may not be a number.
  const float scale = (high / 255) - (low / 255);
  if (!(scale > std::numeric_limits<float>::min())) return {1, 0};
  return {scale, static_cast<int32_t>(std::nearbyint(-low / scale))};
}

uint8_t level_of(float x, Levels levels) {
  const float level = std::nearbyint(x / levels.scale) + static_cast<float>(levels.zero);
  return static_cast<uint8_t>(level >= 0 ? std::min(level, 255.0f) : 0);
}

float symmetric_scale(std::span<const float> row) {
  if (!all_finite(row)) return kNaN;
  const float scale = largest(row) / 127;
  return scale > std::numeric_limits<float>::min() ? scale : 1;
}

int8_t symmetric_level(float x, float scale) {
  const float level = std::nearbyint(x / scale);
  return static_cast<int8_t>(level >= -127 ? std::min(level, 127.0f) : level < -127 ? -127 : 0);
}

float e4m3_scale(std::span<const float> row) {
  const float most = largest(row);
  return !all_finite(row) ? kNaN : most > 0 ? most / kLargestE4m3 : 1;
}

void round_inputs(Format format, std::span<float> row) {
  switch (format) {
    case Format::float32:
      return;
    case Format::float16:
      std::transform(row.begin(), row.end(), row.begin(), round_to_float16);
      return;
    case Format::bfloat16:
      std::transform(row.begin(), row.end(), row.begin(), round_to_bfloat16);
      return;
    case Format::int8: {
      const Levels levels = levels_of(row);
      for (float& x : row) x = static_cast<float>(level_of(x, levels) - levels.zero) * levels.scale;
      return;
    }
    case Format::float8:
      round_to_float8(row);
      return;
  }
}

void round_weights(Format format, std::span<float> row) {
  if (format != Format::int8) return round_inputs(format, row);
  const float scale = symmetric_scale(row);
  for (float& x : row) x = static_cast<float>(symmetric_level(x, scale)) * scale;
}

}  // namespace twofour
