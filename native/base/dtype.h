#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofour {

/// Storage types of a tensor in a file. Weights are computed from the first four; the rest only get copied.
enum class Dtype : uint8_t { f32, f16, bf16, f64, f8, i64, i32, i16, u8 };

/// Bytes of one element.
size_t width_of(Dtype dtype);
/// From the name in binding.d.ts. Throws Error INTERNAL on another name.
Dtype dtype_from(std::string_view name);

/// Converts `count` elements of little-endian `bytes` (any alignment) to fp32; f64 is rounded.
/// Throws Error INTERNAL for a dtype that is no weight type.
void to_float(Dtype dtype, const std::byte* bytes, size_t count, float* out);

/// The other way, to nearest, ties to even; what is too large becomes infinite. The same errors.
void from_float(Dtype dtype, const float* numbers, size_t count, std::byte* out);

}  // namespace twofour
