#pragma once
#include "engine/differentiable_model.h"
#include "engine/head_pass.h"
#include "engine/loss.h"
#include "engine/slice.h"
#include "engine/weight_sums.h"

namespace twofour {

/// From the last hidden state to the loss, and back. Borrows everything.
class LossPass {
 public:
  /// `losses` by example of the request. Throws Error TASK_UNSUPPORTED for a loss of logits without a head.
  LossPass(const DifferentiableModel& model, const Loss& loss, WeightSums& weights, std::span<double> losses);

  /// Adds the losses of the slice. With `backward`: the gradient by `hidden`; else null.
  Tensor run(const Slice& slice, const Batch& batch, const Activations& hidden, bool backward) const;

 private:
  struct Row {
    int32_t source;        ///< Token of the slice that it is computed from.
    size_t row, sequence;  ///< As in LossBlock.
  };
  std::vector<Row> rows_of(const Slice& slice) const;
  std::vector<float> of_sentences(const Slice& slice, const Batch& batch, const Activations& hidden) const;
  std::vector<float> of_logits(const Slice& slice, const Activations& hidden, bool backward) const;
  /// One block of rows; adds to `out`, the gradient by `hidden`.
  void add_block(std::span<const Row> rows, const Activations& hidden, bool backward,
                 std::span<float> out) const;
  std::vector<float> evaluate(std::span<const Row> rows, const Activations& values) const;

  const DifferentiableModel& model_;
  const Loss& loss_;
  WeightSums& weights_;
  std::span<double> losses_;
};

}  // namespace twofour
