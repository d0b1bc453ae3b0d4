#pragma once
#include <span>
#include <vector>

#include "engine/differentiable_model.h"

namespace twofour {

/// What is multiplied with contexts of heads and activations of neurons, of all layers one after another.
/// Empty: ones.
struct Gates {
  std::vector<float> heads, neurons;
  std::span<const float> of_heads(const EncoderSpec& spec, size_t layer) const;
  std::span<const float> of_neurons(const EncoderSpec& spec, size_t layer) const;
};

/// What one application of a layer made of its input, for the way back. Without gates the gated ones are
/// null, being what they gate.
struct LayerTape {
  Tensor qkv, context, gated_context, attended, middle, before, neurons, gated_neurons, expanded, out;
  const Activations& attention_output_input() const { return gated_context ? *gated_context : *context; }
  const Activations& ffn_out_input() const { return gated_neurons ? *gated_neurons : *neurons; }
};

/// The forward pass that keeps what it made. Borrows everything.
class TapedForward {
 public:
  TapedForward(const DifferentiableModel& model, const Gates& gates) : model_(model), gates_(gates) {}

  Tensor embeddings(const Batch& batch, size_t tokens) const;
  LayerTape layer(const Batch& batch, size_t index, const Activations& in) const;

 private:
  Tensor gated(const Activations& in, std::span<const float> gates, size_t group,
               const PackedLinear& reader) const;

  const DifferentiableModel& model_;
  const Gates& gates_;
};

}  // namespace twofour
