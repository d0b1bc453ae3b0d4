#pragma once
#include <cstddef>
#include <string_view>

#include "backend/backend.h"

namespace twofour {

/// From the name in binding.d.ts. Throws Error INTERNAL on another name.
Pooling pooling_from(std::string_view name);

/// One sequence's rows [tokens, width] → out [width], as Backend::pool says. Zero tokens give zeros.
void pool_sequence(const float* rows, size_t tokens, size_t width, const PoolRule& rule, float* out);

/// Divides a row by its Euclidean length; one of zeros stays.
void scale_to_length(float* row, size_t width);

/// The gradient by `rows` of pool_sequence with nothing but a pooling, from the one by its `out`: [tokens,
/// width]. Of equal rows the first is the largest.
void pool_sequence_backward(const float* rows, size_t tokens, size_t width, Pooling pooling,
                            const float* gradient, float* out);

}  // namespace twofour
