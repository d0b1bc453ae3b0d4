#include "engine/slice.h"

#include <algorithm>

#include "engine/positions.h"

namespace twofour {

Slice::Slice(const Sequences& all, size_t first, size_t last, const EncoderSpec& spec)
    : first_sequence(first), first_token(static_cast<size_t>(all.offsets[first])) {
  const auto begin = all.offsets[first], end = all.offsets[last];
  ids.assign(all.ids.begin() + begin, all.ids.begin() + end);
  if (spec.token_types > 0) types.assign(ids.size(), 0);
  if (spec.token_types > 0 && !all.types.empty())
    types.assign(all.types.begin() + begin, all.types.begin() + end);
  for (size_t sequence = first; sequence <= last; ++sequence)
    offsets.push_back(all.offsets[sequence] - begin);
  positions = positions_of(ids, offsets, spec.position_padding);
}

std::unique_ptr<Batch> Slice::batch(Backend& backend) const {
  return backend.batch({.ids = ids, .types = types, .positions = positions, .offsets = offsets});
}

std::vector<size_t> Slice::sequences_of_tokens() const {
  std::vector<size_t> sequences;
  for (size_t i = 0; i < count(); ++i)
    sequences.resize(static_cast<size_t>(offsets[i + 1]), first_sequence + i);
  return sequences;
}

std::vector<size_t> cut(const Sequences& all, size_t first, size_t last, size_t group, size_t tokens) {
  std::vector<size_t> boundaries{first};
  for (size_t next = first; next < last; next += group) {
    const auto reached = static_cast<size_t>(all.offsets[std::min(next + group, last)]);
    const size_t begin = boundaries.back();
    if (next > begin && reached - static_cast<size_t>(all.offsets[begin]) > tokens)
      boundaries.push_back(next);
  }
  if (last > first) boundaries.push_back(last);
  return boundaries;
}

}  // namespace twofour
