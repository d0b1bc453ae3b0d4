#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace twofour {

/// RoBERTa's rule when the family has one (see EncoderSpec), else 0, 1, 2 … in each sequence.
std::vector<int32_t> positions_of(std::span<const int32_t> ids, std::span<const int32_t> offsets,
                                  std::optional<int32_t> padding);

}  // namespace twofour
