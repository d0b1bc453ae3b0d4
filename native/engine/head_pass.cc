#include "engine/head_pass.h"

namespace twofour {

const PackedLinear& HeadPass::head_reader() const {
  const HeadWeights& weights = model_.weights.head;
  return weights.transform ? *weights.transform : *weights.output;
}

const PackedLinear& HeadPass::reader() const { return pools() ? *model_.weights.pooler : head_reader(); }

const Activations& HeadPass::output_input() const {
  if (normed_) return *normed_;
  return transformed_ ? *transformed_ : transform_input();
}

Tensor HeadPass::forward(Tensor rows) {
  const HeadWeights& weights = model_.weights.head;
  const size_t count = rows->tokens();
  rows_ = std::move(rows);
  if (pools()) {
    before_pooled_ = model_.apply(*model_.weights.pooler, *rows_);
    pooled_ = model_.make(count, before_pooled_->width(), &head_reader());
    model_.analysis.activate(*before_pooled_, Activation::tanh, *pooled_);
  }
  if (weights.transform) {
    before_transformed_ = model_.apply(*weights.transform, transform_input());
    transformed_ = model_.make(count, before_transformed_->width(), weights.output.get());
    model_.analysis.activate(*before_transformed_, model_.spec.head->transform->activation, *transformed_);
  }
  if (weights.norm) {
    normed_ = model_.make(count, transformed_->width(), weights.output.get());
    model_.backend.layer_norm(*transformed_, *weights.norm, *normed_);
  }
  return model_.apply(*weights.output, output_input());
}

Tensor HeadPass::backward(Tensor gradient, WeightSums& weights) const {
  const TransposedWeights& transposed = model_.transposed;
  weights.add("head.", {"output"}, *gradient, output_input());
  const PackedLinear* next =
      transposed.head_transform ? transposed.head_transform.get() : transposed.pooler.get();
  gradient = model_.apply(*transposed.head_output, *gradient, {}, next);
  if (normed_) gradient = model_.norm_backward(*transformed_, *model_.weights.head.norm, *gradient, *next);
  if (transformed_) {
    const Activation activation = model_.spec.head->transform->activation;
    model_.analysis.activate_backward(*before_transformed_, activation, *gradient, *gradient);
    weights.add("head.", {"transform"}, *gradient, transform_input());
    gradient = model_.apply(*transposed.head_transform, *gradient, {}, transposed.pooler.get());
  }
  if (!pooled_) return gradient;
  model_.analysis.activate_backward(*before_pooled_, Activation::tanh, *gradient, *gradient);
  weights.add("", {"pooler"}, *gradient, *rows_);
  return model_.apply(*transposed.pooler, *gradient);
}

}  // namespace twofour
