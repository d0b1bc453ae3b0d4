#pragma once
#include <memory>

#include "backend/analysis.h"
#include "engine/transposed_weights.h"
#include "engine/weights.h"

namespace twofour {

using Tensor = std::unique_ptr<Activations>;

/// An encoder's weights for both directions, in fp32. Immutable.
struct DifferentiableModel {
  /// `backend` is borrowed. Throws as load_weights, and Error DEVICE_UNAVAILABLE where it has no analysis.
  DifferentiableModel(EncoderSpec spec, const WeightSources& sources, Backend& backend, Control& control);

  /// Read by `reader`, where there is one, and by verbs of the analysis.
  Tensor make(size_t tokens, size_t width, const PackedLinear* reader = nullptr) const;
  Tensor apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue = {},
               const PackedLinear* reader = nullptr) const;
  /// The gradient by the input of a norm, which `reader` reads next.
  Tensor norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                       const PackedLinear& reader) const;

  const LayerWeights& layer(size_t index) const { return weights.sets.at(spec.layers[index].weights); }
  const TransposedWeights::Layer& layer_transposed(size_t index) const {
    return transposed.sets.at(spec.layers[index].weights);
  }
  /// What reads the input of a layer; past the last, null.
  const PackedLinear* reader_of(size_t index) const {
    return index < spec.layers.size() ? layer(index).query_key_value.get() : nullptr;
  }
  Attention attention(size_t layer) const;

  EncoderSpec spec;
  Backend& backend;
  Analysis& analysis;
  EncoderWeights weights;
  TransposedWeights transposed;
};

}  // namespace twofour
