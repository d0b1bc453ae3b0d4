#include "engine/tape.h"

namespace twofour {

std::span<const float> Gates::of_heads(const EncoderSpec& spec, size_t layer) const {
  if (heads.empty()) return {};
  size_t first = 0;
  for (size_t i = 0; i < layer; ++i) first += spec.layers[i].heads.size();
  return std::span(heads).subspan(first, spec.layers[layer].heads.size());
}

std::span<const float> Gates::of_neurons(const EncoderSpec& spec, size_t layer) const {
  if (neurons.empty()) return {};
  size_t first = 0;
  for (size_t i = 0; i < layer; ++i) first += spec.layers[i].inner;
  return std::span(neurons).subspan(first, spec.layers[layer].inner);
}

Tensor TapedForward::embeddings(const Batch& batch, size_t tokens) const {
  const EncoderWeights& weights = model_.weights;
  const PackedLinear* first = model_.reader_of(0);
  Tensor out =
      model_.make(tokens, model_.spec.embedding, weights.projection ? weights.projection.get() : first);
  model_.backend.embed(batch, *weights.word, *weights.position, weights.type.get(), *weights.embedding_norm,
                       *out);
  return weights.projection ? model_.apply(*weights.projection, *out, {}, first) : std::move(out);
}

LayerTape TapedForward::layer(const Batch& batch, size_t index, const Activations& in) const {
  const EncoderSpec& spec = model_.spec;
  const LayerWeights& weights = model_.layer(index);
  const size_t tokens = in.tokens();
  LayerTape tape;
  tape.qkv = model_.apply(*weights.query_key_value, in);
  tape.context =
      model_.make(tokens, spec.layers[index].heads.size() * spec.head_size, weights.attention_output.get());
  model_.backend.attention(batch, *tape.qkv, model_.attention(index), *tape.context);
  tape.gated_context =
      gated(*tape.context, gates_.of_heads(spec, index), spec.head_size, *weights.attention_output);
  tape.attended = model_.apply(*weights.attention_output, tape.attention_output_input(), {.residual = &in});
  tape.middle = model_.make(tokens, spec.hidden, weights.ffn_in.get());
  model_.backend.layer_norm(*tape.attended, *weights.attention_norm, *tape.middle);

  tape.before = model_.apply(*weights.ffn_in, *tape.middle);
  tape.neurons = model_.make(tokens, spec.layers[index].inner, weights.ffn_out.get());
  model_.analysis.activate(*tape.before, spec.activation, *tape.neurons);
  tape.gated_neurons = gated(*tape.neurons, gates_.of_neurons(spec, index), 1, *weights.ffn_out);
  tape.expanded = model_.apply(*weights.ffn_out, tape.ffn_out_input(), {.residual = tape.middle.get()});
  tape.out = model_.make(tokens, spec.hidden, model_.reader_of(index + 1));
  model_.backend.layer_norm(*tape.expanded, *weights.output_norm, *tape.out);
  return tape;
}

Tensor TapedForward::gated(const Activations& in, std::span<const float> gates, size_t group,
                           const PackedLinear& reader) const {
  if (gates.empty()) return nullptr;
  Tensor out = model_.make(in.tokens(), in.width(), &reader);
  model_.analysis.scale_groups(in, gates, group, *out);
  return out;
}

}  // namespace twofour
