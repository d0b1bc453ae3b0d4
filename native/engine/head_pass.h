#pragma once
#include "engine/differentiable_model.h"
#include "engine/weight_sums.h"

namespace twofour {

/// A task head, with the pooler where it reads that, over rows of the last hidden state: forward once, then
/// back once. Borrows the model.
class HeadPass {
 public:
  explicit HeadPass(const DifferentiableModel& model) : model_(model) {}

  /// The linear that reads the rows.
  const PackedLinear& reader() const;
  /// rows [rows, hidden] → logits [rows, labels]
  Tensor forward(Tensor rows);
  /// The gradient by the logits → by the rows, adding what is wanted of weights.
  Tensor backward(Tensor gradient, WeightSums& weights) const;
  /// The linear that reads the logits' gradient.
  const PackedLinear& gradient_reader() const { return *model_.transposed.head_output; }

 private:
  bool pools() const { return model_.spec.head->input == HeadInput::pooled; }
  const PackedLinear& head_reader() const;
  const Activations& transform_input() const { return pools() ? *pooled_ : *rows_; }
  const Activations& output_input() const;

  const DifferentiableModel& model_;
  Tensor rows_, before_pooled_, pooled_, before_transformed_, transformed_, normed_;
};

}  // namespace twofour
