#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "backend/activation.h"

namespace twofour {

/// lib/architecture/spec.ts, whose comments hold here. Already checked against the weights.
struct LayerSpec {
  size_t weights;
  std::vector<int32_t> heads;
  size_t inner;
};

enum class HeadInput : uint8_t { tokens, first, pooled };

struct HeadTransform {
  size_t size;
  Activation activation;
  bool norm;
};

struct HeadSpec {
  size_t labels;
  HeadInput input;
  std::optional<HeadTransform> transform;
};

struct RelativeSpec {
  size_t buckets, max_distance;
};

struct EncoderSpec {
  size_t vocab, hidden, embedding, positions, token_types, head_size, original_heads;
  bool projection, pooler;
  std::optional<int32_t> position_padding;
  float epsilon;
  Activation activation;
  std::optional<RelativeSpec> relative;
  std::vector<LayerSpec> layers;
  size_t layers_per_state;
  std::optional<HeadSpec> head;
};

}  // namespace twofour
