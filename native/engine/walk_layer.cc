#include "engine/walk_layer.h"

#include <cmath>

namespace twofour {

const PackedLinear& WalkLayer::query_key_value() {
  return packed(query_key_value_, {"query", "key", "value"});
}
const PackedLinear& WalkLayer::attention_output() { return packed(attention_output_, {"attentionOutput"}); }
const PackedLinear& WalkLayer::ffn_in() { return packed(ffn_in_, {"ffnIn"}); }
const PackedLinear& WalkLayer::ffn_out() { return packed(ffn_out_, {"ffnOut"}); }

WalkLayer::Tensor WalkLayer::context(const Batch& batch, const Activations& in) {
  if (!bias_) bias_ = relative_bias_of(outside_, spec_, shape_.heads, backend_);
  const Tensor qkv = apply(query_key_value(), in, {});
  Tensor out = make(in.tokens(), context_width());
  backend_.attention(batch, *qkv,
                     {.heads = shape_.heads.size(),
                      .head_size = spec_.head_size,
                      .scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_size)),
                      .bias = bias_.get(),
                      .span = spec_.positions},
                     *out);
  return out;
}

WalkLayer::Tensor WalkLayer::middle(const Activations& context, const Activations& in) {
  return normed(*apply(attention_output(), context, {.residual = &in}), after_attention_, "attentionNorm");
}

WalkLayer::Tensor WalkLayer::inner(const Activations& middle) {
  return apply(ffn_in(), middle, {.activation = spec_.activation});
}

WalkLayer::Tensor WalkLayer::output(const Activations& inner, const Activations& middle) {
  return output_norm(*apply(ffn_out(), inner, {.residual = &middle}));
}

WalkLayer::Tensor WalkLayer::output_norm(const Activations& sum) {
  return normed(sum, after_ffn_, "outputNorm");
}

WalkLayer::Tensor WalkLayer::apply(const PackedLinear& linear, const Activations& in,
                                   const Epilogue& epilogue) {
  Tensor out = make(in.tokens(), linear.rows());
  backend_.linear(linear, in, epilogue, *out);
  return out;
}

std::string WalkLayer::slot(const char* name) const {
  return "layers." + std::to_string(shape_.weights) + "." + name;
}

const PackedLinear& WalkLayer::packed(std::unique_ptr<PackedLinear>& linear,
                                      const std::vector<const char*>& names) {
  if (linear) return *linear;
  PackSlots how;
  for (const char* name : names) how.slots.push_back(slot(name));
  linear = pack_slots(sources_, how, backend_);
  return *linear;
}

WalkLayer::Tensor WalkLayer::normed(const Activations& in, std::unique_ptr<Norm>& norm, const char* name) {
  if (!norm) norm = norm_of(sources_, slot(name), spec_.epsilon, backend_);
  Tensor out = make(in.tokens(), in.width());
  backend_.layer_norm(in, *norm, *out);
  return out;
}

WalkLayer::Tensor WalkLayer::make(size_t tokens, size_t width) {
  return backend_.activations(tokens, width, {.linears = {}, .plain = true});
}

}  // namespace twofour
