#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/spec.h"

namespace twofour {

/// Token ids of sequences, one after another; every id, type and length was checked.
struct Sequences {
  std::vector<int32_t> ids, types, offsets;  ///< types empty: all zero; offsets [sequences + 1]
  size_t count() const { return offsets.size() - 1; }
};

/// Consecutive ones, as one batch of their own.
struct Slice {
  Slice(const Sequences& all, size_t first, size_t last, const EncoderSpec& spec);
  std::unique_ptr<Batch> batch(Backend& backend) const;
  size_t tokens() const { return ids.size(); }
  size_t count() const { return offsets.size() - 1; }
  /// Which of all sequences a token of the slice belongs to, by its place in the slice.
  std::vector<size_t> sequences_of_tokens() const;

  size_t first_sequence, first_token;  ///< Of all.
  std::vector<int32_t> ids, types, positions, offsets;
};

/// Cuts sequences [first, last) where one slice would hold more than `tokens` (or one group of them).
/// @returns boundaries, `first` and `last` among them
std::vector<size_t> cut(const Sequences& all, size_t first, size_t last, size_t group, size_t tokens);

}  // namespace twofour
