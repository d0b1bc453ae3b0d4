#include "pruning/keys.h"

#include <algorithm>

#include "base/bits.h"

namespace twofour::pruning {
namespace {

/// A key's place in the order: every lower key goes, and of the equal ones the last `ties`.
struct Threshold {
  Key key;
  size_t ties;
};

/// Where the running sum of `counts` passes `rank` (1-based), and what is left of the rank there.
std::pair<size_t, size_t> locate(const std::vector<size_t>& counts, size_t rank) {
  size_t slot = 0;
  while (counts[slot] < rank) rank -= counts[slot++];
  return {slot, rank};
}

Threshold threshold_of(std::span<const std::span<const Key>> keys, size_t remove) {
  std::vector<size_t> high(size_t{1} << 16, 0), low(size_t{1} << 16, 0);
  for (const auto& run : keys) {
    for (const Key key : run) ++high[key >> 16];
  }
  const auto [upper, rank] = locate(high, remove);
  for (const auto& run : keys) {
    for (const Key key : run) {
      if (key >> 16 == upper) ++low[key & 0xffff];
    }
  }
  const auto [lower, ties] = locate(low, rank);
  return {static_cast<Key>(upper << 16 | lower), ties};
}

void clear_below(std::span<const Key> keys, const Threshold& threshold, size_t& ties, std::span<uint8_t> bits,
                 size_t offset) {
  for (size_t i = keys.size(); i-- > 0;) {
    const bool tie = keys[i] == threshold.key && ties > 0;
    ties -= tie;
    if (tie || keys[i] < threshold.key) clear_bit(bits, offset + i);
  }
}

}  // namespace

void clear_lowest(std::span<const std::span<const Key>> keys, size_t remove,
                  std::span<std::span<uint8_t>> bits) {
  if (remove == 0) return;
  const Threshold threshold = threshold_of(keys, remove);
  size_t ties = threshold.ties;
  for (size_t run = keys.size(); run-- > 0;) clear_below(keys[run], threshold, ties, bits[run], 0);
}

void clear_lowest_of_row(std::span<const Key> keys, size_t remove, std::span<uint8_t> bits, size_t offset,
                         std::vector<Key>& scratch) {
  if (remove == 0) return;
  scratch.assign(keys.begin(), keys.end());
  const auto nth = scratch.begin() + static_cast<ptrdiff_t>(remove - 1);
  std::nth_element(scratch.begin(), nth, scratch.end());
  const Key key = *nth;
  const auto below =
      static_cast<size_t>(std::count_if(keys.begin(), keys.end(), [&](Key k) { return k < key; }));
  size_t ties = remove - below;
  clear_below(keys, {key, ties}, ties, bits, offset);
}

}  // namespace twofour::pruning
