#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "backend/backend.h"
#include "base/control.h"
#include "engine/slot_weights.h"
#include "engine/spec.h"

namespace twofour {

/// What goes through the layers. Every id, type and length was checked.
struct WalkTokens {
  std::vector<int32_t> ids, types, offsets;  ///< types empty: all zero; offsets [sequences + 1]
  std::vector<uint8_t> counted;              ///< Of each token, whether statistics count it; empty: all.
};

/// Consecutive whole sequences.
struct WalkChunk {
  size_t tokens = 0;
  std::unique_ptr<Batch> batch;
  std::optional<std::vector<int32_t>> counted;  ///< Which tokens; absent: all.
};

/// As few as can be, of at most `chunk_tokens` tokens each, or one sequence.
std::vector<WalkChunk> cut_chunks(const EncoderSpec& spec, const WalkTokens& tokens, size_t chunk_tokens,
                                  Backend& backend);

/// The first layer's input of each chunk, [tokens, hidden]; `sources` are those outside of the layers.
std::vector<std::shared_ptr<Activations>> embed_chunks(const EncoderSpec& spec, const WeightSources& sources,
                                                       const std::vector<WalkChunk>& chunks, Backend& backend,
                                                       const Control& control);

}  // namespace twofour
