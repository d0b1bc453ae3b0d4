#include "engine/forward.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace twofour {
namespace {

/// Rows of a token head that are computed at once: a vocabulary's logits are large.
constexpr size_t kHeadRows = 1024;

/// RoBERTa's rule when the family has one (see EncoderSpec), else 0, 1, 2 … in each sequence.
std::vector<int32_t> positions_of(const RunRequest& request, size_t first, size_t last,
                                  std::optional<int32_t> padding) {
  std::vector<int32_t> positions;
  for (size_t sequence = first; sequence < last; ++sequence) {
    int32_t next = padding ? *padding + 1 : 0;
    for (auto token = request.offsets[sequence]; token < request.offsets[sequence + 1]; ++token) {
      const bool is_padding = padding && request.ids[static_cast<size_t>(token)] == *padding;
      positions.push_back(is_padding ? *padding : next++);
    }
  }
  return positions;
}

std::span<float> rows_at(std::vector<float>& values, size_t row, size_t rows, size_t width) {
  return std::span(values).subspan(row * width, rows * width);
}

}  // namespace

void Forward::run(const RunRequest& request, size_t first, size_t last, RunOutputs& outputs) const {
  const auto begin = static_cast<size_t>(request.offsets[first]),
             end = static_cast<size_t>(request.offsets[last]);
  const size_t tokens = end - begin, sequences = last - first;
  std::vector<int32_t> offsets(request.offsets.begin() + static_cast<ptrdiff_t>(first),
                               request.offsets.begin() + static_cast<ptrdiff_t>(last) + 1);
  for (int32_t& offset : offsets) offset -= static_cast<int32_t>(begin);
  std::vector<int32_t> types(spec_.token_types == 0 ? 0 : tokens, 0);
  if (!types.empty() && !request.types.empty())
    std::copy_n(request.types.begin() + static_cast<ptrdiff_t>(begin), tokens, types.begin());
  const std::vector<int32_t> positions = positions_of(request, first, last, spec_.position_padding);
  const auto batch = backend_.batch({.ids = std::span(request.ids).subspan(begin, tokens),
                                     .types = types,
                                     .positions = positions,
                                     .offsets = offsets});

  Tensor hidden = embeddings(*batch, tokens);
  const auto keep_state = [&](size_t state) {
    if (request.hidden_states)
      backend_.download(*hidden, rows_at(outputs.hidden_states[state], begin, tokens, spec_.hidden));
  };
  keep_state(0);
  for (size_t index = 0; index < spec_.layers.size(); ++index) {
    control_.check();
    hidden = layer(*batch, index, *hidden);
    if ((index + 1) % spec_.layers_per_state == 0) keep_state((index + 1) / spec_.layers_per_state);
  }
  control_.check();

  if (request.last_hidden_state)
    backend_.download(*hidden, rows_at(outputs.last_hidden_state, begin, tokens, spec_.hidden));
  if (request.sentence) {
    const Tensor sentence = make(sequences, spec_.hidden, {}, true);
    backend_.pool(*batch, *hidden, request.sentence->pooling, request.sentence->normalize, *sentence);
    backend_.download(*sentence, rows_at(outputs.sentence, first, sequences, spec_.hidden));
  }
  const bool head_reads_pooled = request.logits && spec_.head->input == HeadInput::pooled;
  if (request.pooled || head_reads_pooled) {
    std::vector<const PackedLinear*> readers;
    if (head_reads_pooled)
      readers.push_back(weights_.head.transform ? weights_.head.transform.get() : weights_.head.output.get());
    Tensor pooled = apply(*weights_.pooler, *first_tokens(*hidden, offsets, *weights_.pooler),
                          {.activation = Activation::tanh}, readers, true);
    if (request.pooled) backend_.download(*pooled, rows_at(outputs.pooled, first, sequences, spec_.hidden));
    if (head_reads_pooled) {
      backend_.download(*head(std::move(pooled)),
                        rows_at(outputs.logits, first, sequences, spec_.head->labels));
    }
  }
  if (!request.logits || head_reads_pooled) return;
  if (spec_.head->input == HeadInput::first) {
    const PackedLinear& reader = weights_.head.transform ? *weights_.head.transform : *weights_.head.output;
    backend_.download(*head(first_tokens(*hidden, offsets, reader)),
                      rows_at(outputs.logits, first, sequences, spec_.head->labels));
  } else if (request.logit_rows) {
    const std::vector<int32_t>& wanted = *request.logit_rows;
    const auto low = std::lower_bound(wanted.begin(), wanted.end(), static_cast<int32_t>(begin));
    const auto high = std::lower_bound(low, wanted.end(), static_cast<int32_t>(end));
    std::vector<int32_t> rows(low, high);
    for (int32_t& row : rows) row -= static_cast<int32_t>(begin);
    head_over_rows(
        *hidden, rows,
        rows_at(outputs.logits, static_cast<size_t>(low - wanted.begin()), rows.size(), spec_.head->labels));
  } else {
    std::vector<int32_t> rows(tokens);
    std::iota(rows.begin(), rows.end(), 0);
    head_over_rows(*hidden, rows, rows_at(outputs.logits, begin, tokens, spec_.head->labels));
  }
}

Forward::Tensor Forward::make(size_t tokens, size_t width, const std::vector<const PackedLinear*>& linears,
                              bool plain) const {
  return backend_.activations(tokens, width, {.linears = linears, .plain = plain});
}

Forward::Tensor Forward::apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
                               const std::vector<const PackedLinear*>& readers, bool plain) const {
  Tensor out = make(in.tokens(), linear.rows(), readers, plain);
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
  if (!shape.heads.empty()) {
    const Tensor qkv = apply(*weights.query_key_value, in, {}, {}, true);
    backend_.attention(batch, *qkv,
                       {.heads = shape.heads.size(),
                        .head_size = spec_.head_size,
                        .scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_size)),
                        .bias = weights_.bias[index],
                        .span = spec_.positions},
                       *context);
  }
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

void Forward::head_over_rows(const Activations& hidden, std::span<const int32_t> rows,
                             std::span<float> logits) const {
  const PackedLinear* reader =
      weights_.head.transform ? weights_.head.transform.get() : weights_.head.output.get();
  const size_t labels = spec_.head->labels;
  for (size_t begin = 0; begin < rows.size(); begin += kHeadRows) {
    control_.check();
    const size_t count = std::min(kHeadRows, rows.size() - begin);
    Tensor some = make(count, spec_.hidden, {reader}, false);
    backend_.gather(hidden, rows.subspan(begin, count), *some);
    backend_.download(*head(std::move(some)), logits.subspan(begin * labels, count * labels));
  }
}

}  // namespace twofour
