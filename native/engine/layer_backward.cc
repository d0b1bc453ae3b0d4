#include "engine/layer_backward.h"

namespace twofour {
namespace {

const std::vector<std::string> kQueryKeyValue = {"query", "key", "value"};
const std::vector<std::string> kAttentionOutput = {"attentionOutput"};
const std::vector<std::string> kFfnIn = {"ffnIn"};
const std::vector<std::string> kFfnOut = {"ffnOut"};

}  // namespace

std::optional<Reach> LayerBackward::reach(size_t index) const {
  const LayerSpec& shape = model_.spec.layers[index];
  const std::string layer = prefix(index);
  if (weights_.wants(layer, kQueryKeyValue)) return Reach::query_key_value;
  if (heads_ != nullptr && !shape.heads.empty()) return Reach::heads;
  if (weights_.wants(layer, kAttentionOutput)) return Reach::attention_output;
  if (weights_.wants(layer, kFfnIn)) return Reach::ffn_in;
  if (neurons_ != nullptr && shape.inner > 0) return Reach::neurons;
  if (weights_.wants(layer, kFfnOut)) return Reach::ffn_out;
  return std::nullopt;
}

Tensor LayerBackward::run(const Batch& batch, size_t index, const Activations& in, const LayerTape& tape,
                          const Activations& gradient, Reach reach) const {
  const Tensor attended = feed_forward(index, tape, gradient, reach);
  return attended ? attention(batch, index, in, tape, *attended, reach) : nullptr;
}

Tensor LayerBackward::feed_forward(size_t index, const LayerTape& tape, const Activations& gradient,
                                   Reach reach) const {
  const LayerWeights& weights = model_.layer(index);
  const TransposedWeights::Layer& transposed = model_.layer_transposed(index);
  const Tensor expanded =
      model_.norm_backward(*tape.expanded, *weights.output_norm, gradient, *transposed.ffn_out);
  add_weights(index, kFfnOut, *expanded, tape.ffn_out_input());
  if (reach == Reach::ffn_out) return nullptr;

  const Tensor neurons = model_.apply(*transposed.ffn_out, *expanded, {}, transposed.ffn_in.get());
  add_gates(neurons_, index, *tape.neurons, *neurons, 1);
  if (reach == Reach::neurons) return nullptr;

  scale(*neurons, gates_.of_neurons(model_.spec, index), 1);
  model_.analysis.activate_backward(*tape.before, model_.spec.activation, *neurons, *neurons);
  add_weights(index, kFfnIn, *neurons, *tape.middle);
  if (reach == Reach::ffn_in) return nullptr;

  const Tensor middle = model_.apply(*transposed.ffn_in, *neurons, {.residual = expanded.get()});
  return model_.norm_backward(*tape.attended, *weights.attention_norm, *middle, *transposed.attention_output);
}

Tensor LayerBackward::attention(const Batch& batch, size_t index, const Activations& in,
                                const LayerTape& tape, const Activations& gradient, Reach reach) const {
  const TransposedWeights::Layer& transposed = model_.layer_transposed(index);
  add_weights(index, kAttentionOutput, gradient, tape.attention_output_input());
  if (reach == Reach::attention_output) return nullptr;

  const size_t head_size = model_.spec.head_size;
  const Tensor context = model_.apply(*transposed.attention_output, gradient);
  add_gates(heads_, index, *tape.context, *context, head_size);
  if (reach == Reach::heads) return nullptr;

  scale(*context, gates_.of_heads(model_.spec, index), head_size);
  const Tensor qkv = model_.make(in.tokens(), tape.qkv->width(), transposed.query_key_value.get());
  model_.analysis.attention_backward(batch, *tape.qkv, model_.attention(index), *context, *qkv);
  add_weights(index, kQueryKeyValue, *qkv, in);
  if (reach == Reach::query_key_value) return nullptr;
  return model_.apply(*transposed.query_key_value, *qkv, {.residual = &gradient});
}

void LayerBackward::add_weights(size_t index, const std::vector<std::string>& names,
                                const Activations& gradient, const Activations& input) const {
  weights_.add(prefix(index), names, gradient, input);
}

void LayerBackward::add_gates(GateSums* sums, size_t index, const Activations& value,
                              const Activations& gradient, size_t group) const {
  if (sums == nullptr || value.width() == 0) return;
  const Tensor products = model_.make(value.tokens(), value.width() / group);
  model_.analysis.dot_groups(value, gradient, group, *products);
  std::vector<float> out(products->tokens() * products->width());
  model_.backend.download(*products, out);
  sums->add(index, std::move(out));
}

void LayerBackward::scale(Activations& gradient, std::span<const float> gates, size_t group) const {
  if (!gates.empty()) model_.analysis.scale_groups(gradient, gates, group, gradient);
}

std::string LayerBackward::prefix(size_t index) const {
  return "layers." + std::to_string(model_.spec.layers[index].weights) + ".";
}

}  // namespace twofour
