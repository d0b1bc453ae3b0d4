#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "backend/backend.h"

/// The number formats of linears, plainly: what every backend's rounding is compared with.
namespace twofour {

/// From the name in binding.d.ts. Throws Error INTERNAL on another name.
Format format_from(std::string_view name);
std::string_view name_of(Format format);
Sparsity sparsity_from(std::string_view name);

/// The nearest IEEE 754 binary16 (subnormals down to 2⁻²⁴), ties to even. NaN stays NaN; from 65,520 it
/// becomes infinite.
float round_to_float16(float x);

/// The nearest bfloat16, ties to even. NaN stays NaN; beyond the largest it becomes infinite.
float round_to_bfloat16(float x);

/// The nearest e4m3 (4 bits of exponent, 3 of mantissa, subnormals down to 2⁻⁹), ties to even; beyond 448 it
/// stays 448 (NVIDIA's saturating conversion). NaN stays NaN.
float round_to_e4m3(float x);

/// x ≈ (level − zero) · scale, level in 0…255, chosen so that 0 is a level. `scale` is NaN when a value is
/// not finite, which then makes every product of the row NaN.
struct Levels {
  float scale;
  int32_t zero;
};
Levels levels_of(std::span<const float> row);
uint8_t level_of(float x, Levels levels);

/// Of weights: w ≈ level · scale, level in −127…127, zeros exact. NaN as above; 1 for a row of zeros.
float symmetric_scale(std::span<const float> row);
int8_t symmetric_level(float x, float scale);

/// Of weights and inputs: x ≈ e4m3 · scale, the largest becoming 448. NaN as above; 1 for a row of zeros.
float e4m3_scale(std::span<const float> row);

/// The row as a linear of this format sees it: an input row of one token, or a row of W.
void round_inputs(Format format, std::span<float> row);
void round_weights(Format format, std::span<float> row);

}  // namespace twofour
