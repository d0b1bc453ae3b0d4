#pragma once
#include <cstddef>
#include <string_view>

#include "backend/backend.h"

namespace twofour {

/// From the name in binding.d.ts. Throws Error INTERNAL on another name.
Pooling pooling_from(std::string_view name);

/// One sequence's rows [tokens, width] → out [width], as Backend::pool says. Zero tokens give zeros.
void pool_sequence(const float* rows, size_t tokens, size_t width, Pooling pooling, bool normalize,
                   float* out);

/// The gradient by `rows` of pool_sequence without `normalize`, from the one by its `out`: [tokens, width].
/// Of equal rows the first is the largest.
void pool_sequence_backward(const float* rows, size_t tokens, size_t width, Pooling pooling,
                            const float* gradient, float* out);

}  // namespace twofour
