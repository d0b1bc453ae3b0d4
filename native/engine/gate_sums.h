#pragma once
#include <span>
#include <vector>

#include "engine/spec.h"

namespace twofour {

/// Derivatives by gates, reduced over tokens, examples and minibatches (`GateGradients` in binding.d.ts).
struct GateGradients {
  std::vector<double> per_token, per_example, per_batch;    ///< [units]: Σ |·|
  std::vector<double> sum, example_squares, batch_squares;  ///< [units]
  std::vector<float> examples, batches;  ///< [examples, units] and [minibatches, units]; empty unless wanted.
};

/// Units of the layers, one after another.
struct GateLayout {
  /// A group is a layer's application, or with `shared` a weight set, in the order of their numbers.
  GateLayout(const std::vector<LayerSpec>& layers, const std::vector<size_t>& widths, bool shared);
  std::vector<size_t> group_of;  ///< By layer.
  std::vector<size_t> first;     ///< By group, and the number of units.
};

/// Takes the gradients of one slice of the batch after another: products of all its layers (of the layers of
/// a group their sum counts), then what its examples are.
class GateSums {
 public:
  GateSums(GateLayout layout, size_t examples, size_t batches, bool rows);

  /// products [tokens, units of the layer]
  void add(size_t layer, std::vector<float> products);
  /// The next examples, which are the slice that was added: offsets [examples + 1] of their tokens.
  void end_slice(std::span<const size_t> offsets);
  void end_batch();
  GateGradients take() { return std::move(out_); }

 private:
  void reduce_example(const float* products, size_t tokens, size_t first, size_t units, float* row);

  GateLayout layout_;
  bool rows_;
  std::vector<std::vector<float>> products_;  ///< By group.
  std::vector<double> batch_;
  std::vector<double> example_;  ///< Scratch.
  size_t examples_done_ = 0, batches_done_ = 0;
  GateGradients out_;
};

}  // namespace twofour
