#pragma once
#include "engine/gate_sums.h"
#include "engine/tape.h"
#include "engine/weight_sums.h"

namespace twofour {

/// What a gradient arrives at, one after another, on its way through a layer.
enum class Reach : uint8_t { ffn_out, neurons, ffn_in, attention_output, heads, query_key_value, input };

/// The way back through the layers, which collects what is wanted. Borrows everything; `heads` and `neurons`
/// may be null.
class LayerBackward {
 public:
  LayerBackward(const DifferentiableModel& model, const Gates& gates, GateSums* heads, GateSums* neurons,
                WeightSums& weights)
      : model_(model), gates_(gates), heads_(heads), neurons_(neurons), weights_(weights) {}

  /// How far a gradient must come in this layer for what is wanted in it; nullopt: not into it.
  std::optional<Reach> reach(size_t index) const;

  /// `gradient` by the layer's output → by its input; null after `reach` when that is not the input.
  Tensor run(const Batch& batch, size_t index, const Activations& in, const LayerTape& tape,
             const Activations& gradient, Reach reach) const;

 private:
  /// By the sum under the attention's norm.
  Tensor feed_forward(size_t index, const LayerTape& tape, const Activations& gradient, Reach reach) const;
  Tensor attention(const Batch& batch, size_t index, const Activations& in, const LayerTape& tape,
                   const Activations& gradient, Reach reach) const;
  void add_weights(size_t index, const std::vector<std::string>& names, const Activations& gradient,
                   const Activations& input) const;
  void add_gates(GateSums* sums, size_t index, const Activations& value, const Activations& gradient,
                 size_t group) const;
  void scale(Activations& gradient, std::span<const float> gates, size_t group) const;
  std::string prefix(size_t index) const;

  const DifferentiableModel& model_;
  const Gates& gates_;
  GateSums* heads_;
  GateSums* neurons_;
  WeightSums& weights_;
};

}  // namespace twofour
