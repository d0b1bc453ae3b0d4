#include "engine/forward.h"

#include <algorithm>
#include <cmath>

#include "engine/positions.h"

namespace twofour {
Forward::Packed Forward::pack(std::span<const Piece> pieces) const {
  Packed packed;
  packed.offsets.push_back(0);
  for (const auto& [request, outputs, first, last] : pieces) {
    const auto begin = request->offsets[first], end = request->offsets[last];
    packed.places.push_back({.request = *request,
                             .outputs = *outputs,
                             .token = packed.ids.size(),
                             .sequence = packed.offsets.size() - 1,
                             .tokens = static_cast<size_t>(end - begin),
                             .sequences = last - first,
                             .request_token = static_cast<size_t>(begin),
                             .request_sequence = first});
    const auto shift = static_cast<int32_t>(packed.ids.size()) - begin;
    for (size_t sequence = first; sequence < last; ++sequence)
      packed.offsets.push_back(request->offsets[sequence + 1] + shift);
    packed.ids.insert(packed.ids.end(), request->ids.begin() + begin, request->ids.begin() + end);
    if (spec_.token_types == 0) continue;
    packed.types.resize(packed.ids.size());
    if (!request->types.empty())
      std::copy(request->types.begin() + begin, request->types.begin() + end,
                packed.types.end() - (end - begin));
  }
  packed.positions = positions_of(packed.ids, packed.offsets, spec_.position_padding);
  return packed;
}

void Forward::run(std::span<const Piece> pieces) const {
  const Packed packed = pack(pieces);
  const auto batch = backend_.batch(
      {.ids = packed.ids, .types = packed.types, .positions = packed.positions, .offsets = packed.offsets});

  const auto layers = [&] { return through_layers(packed, *batch); };
  const bool looked_at = wants_states(packed) || watch_ != nullptr;
  const Tensor hidden = looked_at ? layers() : backend_.repeat(*batch, layers);
  control_.check();

  deliver_last(packed, *hidden);
  deliver_sentences(packed, *batch, *hidden);
  deliver_first(packed, *hidden);
  deliver_token_logits(packed, *hidden);
}

Forward::Tensor Forward::through_layers(const Packed& packed, const Batch& batch) const {
  Tensor hidden = embeddings(batch, packed.ids.size());
  deliver_state(packed, *hidden, 0);
  for (size_t index = 0; index < spec_.layers.size(); ++index) {
    control_.check();
    hidden = layer(batch, index, *hidden);
    if ((index + 1) % spec_.layers_per_state == 0)
      deliver_state(packed, *hidden, (index + 1) / spec_.layers_per_state);
  }
  return hidden;
}

bool Forward::wants_states(const Packed& packed) {
  return std::any_of(packed.places.begin(), packed.places.end(),
                     [](const Packed::Place& place) { return place.request.hidden_states; });
}

Forward::Tensor Forward::make(size_t tokens, size_t width, const std::vector<const PackedLinear*>& linears,
                              bool plain) const {
  return backend_.activations(tokens, width, {.linears = linears, .plain = plain || watch_ != nullptr});
}

Forward::Tensor Forward::apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
                               const std::vector<const PackedLinear*>& readers, bool plain) const {
  Tensor out = make(in.tokens(), linear.rows(), readers, plain);
  if (watch_ != nullptr) watch_->before(linear, in, epilogue);
  backend_.linear(linear, in, epilogue, *out);
  return out;
}

std::vector<const PackedLinear*> Forward::readers_of(size_t index) const {
  if (index >= spec_.layers.size()) return {};
  return {weights_.sets.at(spec_.layers[index].weights).query_key_value.get()};
}

Forward::Tensor Forward::embeddings(const Batch& batch, size_t tokens) const {
  const auto first_layer = readers_of(0);
  const auto readers =
      spec_.projection ? std::vector<const PackedLinear*>{weights_.projection.get()} : first_layer;
  Tensor out = make(tokens, spec_.embedding, readers, !spec_.projection);
  backend_.embed(batch, *weights_.word, *weights_.position, weights_.type.get(), *weights_.embedding_norm,
                 *out);
  return spec_.projection ? apply(*weights_.projection, *out, {}, first_layer, true) : std::move(out);
}

Forward::Tensor Forward::layer(const Batch& batch, size_t index, const Activations& in) const {
  const LayerSpec& shape = spec_.layers[index];
  const LayerWeights& weights = weights_.sets.at(shape.weights);

  Tensor context =
      make(in.tokens(), shape.heads.size() * spec_.head_size, {weights.attention_output.get()}, false);
  const Tensor qkv = apply(*weights.query_key_value, in, {}, {}, true);
  // Also where no head is left: only a verb makes the context of no columns, which a device may pad.
  backend_.attention(batch, *qkv,
                     {.heads = shape.heads.size(),
                      .head_size = spec_.head_size,
                      .scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_size)),
                      .bias = weights_.bias[index],
                      .span = spec_.positions},
                     *context);
  const Tensor attended = apply(*weights.attention_output, *context, {.residual = &in}, {}, true);
  const Tensor middle = make(in.tokens(), spec_.hidden, {weights.ffn_in.get()}, true);
  backend_.layer_norm(*attended, *weights.attention_norm, *middle);

  const Tensor inner =
      apply(*weights.ffn_in, *middle, {.activation = spec_.activation}, {weights.ffn_out.get()}, false);
  const Tensor expanded = apply(*weights.ffn_out, *inner, {.residual = middle.get()}, {}, true);
  Tensor out = make(in.tokens(), spec_.hidden, readers_of(index + 1), true);
  backend_.layer_norm(*expanded, *weights.output_norm, *out);
  return out;
}

Forward::Tensor Forward::first_tokens(const Activations& hidden, std::span<const int32_t> offsets,
                                      const PackedLinear& reader) const {
  Tensor first = make(offsets.size() - 1, spec_.hidden, {&reader}, false);
  backend_.gather(hidden, offsets.first(offsets.size() - 1), *first);
  return first;
}

const PackedLinear& Forward::head_reader() const {
  return weights_.head.transform ? *weights_.head.transform : *weights_.head.output;
}

Forward::Tensor Forward::head(Tensor in) const {
  const HeadWeights& weights = weights_.head;
  if (weights.transform) {
    const HeadTransform& transform = *spec_.head->transform;
    const std::vector<const PackedLinear*> output{weights.output.get()};
    in = apply(*weights.transform, *in, {.activation = transform.activation},
               transform.norm ? std::vector<const PackedLinear*>{} : output, transform.norm);
    if (transform.norm) {
      Tensor normed = make(in->tokens(), transform.size, output, false);
      backend_.layer_norm(*in, *weights.norm, *normed);
      in = std::move(normed);
    }
  }
  return apply(*weights.output, *in, {}, {}, true);
}

}  // namespace twofour
