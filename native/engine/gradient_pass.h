#pragma once
#include "base/control.h"
#include "engine/differentiable.h"
#include "engine/layer_backward.h"
#include "engine/loss_pass.h"

namespace twofour {

/// Forward with a tape, loss, backward over one slice of a request. Borrows everything.
class GradientPass {
 public:
  GradientPass(const DifferentiableModel& model, const GradientRequest& request, GateSums* heads,
               GateSums* neurons, WeightSums& weights, std::span<double> losses);

  /// Sequences [first, last), whole examples.
  void run(size_t first, size_t last, Control& control) const;

 private:
  void end_slice(const Slice& slice) const;

  const DifferentiableModel& model_;
  const GradientRequest& request_;
  GateSums* heads_;
  GateSums* neurons_;
  TapedForward forward_;
  LossPass loss_;
  LayerBackward layers_;
  /// The lowest layer that a gradient must come to, past the last where it need not leave the head; and how
  /// far in it.
  size_t lowest_;
  Reach reach_ = Reach::input;
};

}  // namespace twofour
