#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace twofour::pruning {

/// A score as a whole number of the same order: 0 for a weight that is gone, else the float's bits plus one.
using Key = uint32_t;

/// Clears the bits of the `remove` lowest keys over all of `keys` taken one after another; of equal keys the
/// later goes first. `bits[i]` belongs to `keys[i]`. Two counting passes, no sorting.
void clear_lowest(std::span<const std::span<const Key>> keys, size_t remove,
                  std::span<std::span<uint8_t>> bits);

/// The same for one run of keys whose first bit is number `offset` of `bits`.
void clear_lowest_of_row(std::span<const Key> keys, size_t remove, std::span<uint8_t> bits, size_t offset,
                         std::vector<Key>& scratch);

}  // namespace twofour::pruning
