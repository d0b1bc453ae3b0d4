#include "engine/positions.h"

namespace twofour {

std::vector<int32_t> positions_of(std::span<const int32_t> ids, std::span<const int32_t> offsets,
                                  std::optional<int32_t> padding) {
  std::vector<int32_t> positions;
  positions.reserve(ids.size());
  for (size_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
    int32_t next = padding ? *padding + 1 : 0;
    for (auto token = offsets[sequence]; token < offsets[sequence + 1]; ++token) {
      const bool is_padding = padding && ids[static_cast<size_t>(token)] == *padding;
      positions.push_back(is_padding ? *padding : next++);
    }
  }
  return positions;
}

}  // namespace twofour
