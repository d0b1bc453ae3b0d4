#include <algorithm>
#include <numeric>

#include "backend/pooling.h"
#include "engine/forward.h"

/// The end of a pass: from the last layer's states to the outputs that each piece asked for.
namespace twofour {
namespace {

/// Rows of a token head that are computed at once: a vocabulary's logits are large.
constexpr size_t kHeadRows = 1024;

float* row_of(std::vector<float>& values, size_t row, size_t width) { return values.data() + row * width; }

}  // namespace

void Forward::deliver(const Activations& in, const Shares& shares) const {
  std::vector<int32_t> rows;
  for (const Share& share : shares) {
    rows.resize(rows.size() + share.rows);
    std::iota(rows.end() - static_cast<ptrdiff_t>(share.rows), rows.end(), static_cast<int32_t>(share.row));
  }
  if (rows.empty()) return;
  if (rows.size() == in.tokens()) return download(in, shares);
  const Tensor some = make(rows.size(), in.width(), {}, true);
  backend_.gather(in, rows, *some);
  download(*some, shares);
}

void Forward::download(const Activations& in, const Shares& shares) const {
  const size_t width = in.width();
  if (shares.size() == 1) return backend_.download(in, {shares.front().to, in.tokens() * width});
  std::vector<float> all(in.tokens() * width);
  backend_.download(in, all);
  const float* from = all.data();
  for (const Share& share : shares) {
    std::copy_n(from, share.rows * width, share.to);
    from += share.rows * width;
  }
}

void Forward::deliver_state(const Packed& packed, const Activations& hidden, size_t state) const {
  Shares shares;
  for (const auto& place : packed.places) {
    if (!place.request.hidden_states) continue;
    std::vector<float>& values = place.outputs.hidden_states[state];
    shares.push_back({place.token, place.tokens, row_of(values, place.request_token, spec_.hidden)});
  }
  deliver(hidden, shares);
}

void Forward::deliver_last(const Packed& packed, const Activations& hidden) const {
  Shares shares;
  for (const auto& place : packed.places) {
    if (!place.request.last_hidden_state) continue;
    std::vector<float>& values = place.outputs.last_hidden_state;
    shares.push_back({place.token, place.tokens, row_of(values, place.request_token, spec_.hidden)});
  }
  deliver(hidden, shares);
}

void Forward::deliver_sentences(const Packed& packed, const Batch& batch, const Activations& hidden) const {
  std::vector<RunRequest::Sentence> kinds;
  for (const auto& place : packed.places) {
    const auto& kind = place.request.sentence;
    if (kind && std::ranges::find(kinds, *kind) == kinds.end()) kinds.push_back(*kind);
  }
  for (const RunRequest::Sentence& kind : kinds) {
    if (kind.poolings.size() == 1)
      deliver_pooled(packed, batch, hidden, kind);
    else
      deliver_joined(packed, batch, hidden, kind);
  }
}

void Forward::deliver_pooled(const Packed& packed, const Batch& batch, const Activations& hidden,
                             const RunRequest::Sentence& kind) const {
  const Tensor pooled = make(packed.offsets.size() - 1, spec_.hidden, {}, true);
  backend_.pool(batch, hidden, {kind.poolings.front(), kind.normalize, kind.skip}, *pooled);
  Shares shares;
  for (const auto& place : packed.places) {
    if (place.request.sentence != kind) continue;
    float* to = row_of(place.outputs.sentence, place.request_sequence, spec_.hidden);
    shares.push_back({place.sequence, place.sequences, to});
  }
  deliver(*pooled, shares);
}

/// Few models ask for it, and its rows are few: they are put side by side after they were copied.
void Forward::deliver_joined(const Packed& packed, const Batch& batch, const Activations& hidden,
                             const RunRequest::Sentence& kind) const {
  const size_t sequences = packed.offsets.size() - 1, parts = kind.poolings.size(), width = spec_.hidden;
  std::vector<float> part(sequences * width), all(sequences * parts * width);
  const Tensor pooled = make(sequences, width, {}, true);
  for (size_t i = 0; i < parts; ++i) {
    backend_.pool(batch, hidden, {kind.poolings[i], false, kind.skip}, *pooled);
    backend_.download(*pooled, part);
    for (size_t row = 0; row < sequences; ++row)
      std::copy_n(row_of(part, row, width), width, row_of(all, row * parts + i, width));
  }
  for (size_t row = 0; kind.normalize && row < sequences; ++row)
    scale_to_length(row_of(all, row, parts * width), parts * width);
  for (const auto& place : packed.places) {
    if (place.request.sentence != kind) continue;
    std::copy_n(row_of(all, place.sequence, parts * width), place.sequences * parts * width,
                row_of(place.outputs.sentence, place.request_sequence, parts * width));
  }
}

/// What follows from each sequence's first token: the pooler's vector, and logits of whole sequences. Where
/// one piece wants them they are computed for all, which is little beside a layer.
void Forward::deliver_first(const Packed& packed, const Activations& hidden) const {
  const bool has_logits = spec_.head && spec_.head->input != HeadInput::tokens;
  Shares pooled_shares, logit_shares;
  for (const auto& place : packed.places) {
    const auto add = [&](Shares& shares, std::vector<float>& values, size_t width) {
      shares.push_back({place.sequence, place.sequences, row_of(values, place.request_sequence, width)});
    };
    if (place.request.pooled) add(pooled_shares, place.outputs.pooled, spec_.hidden);
    if (place.request.logits && has_logits) add(logit_shares, place.outputs.logits, spec_.head->labels);
  }
  const bool from_pooled = !logit_shares.empty() && spec_.head->input == HeadInput::pooled;
  if (!pooled_shares.empty() || from_pooled) {
    const auto readers =
        from_pooled ? std::vector<const PackedLinear*>{&head_reader()} : std::vector<const PackedLinear*>{};
    Tensor pooled = apply(*weights_.pooler, *first_tokens(hidden, packed.offsets, *weights_.pooler),
                          {.activation = Activation::tanh}, readers, true);
    deliver(*pooled, pooled_shares);
    if (from_pooled) return deliver(*head(std::move(pooled)), logit_shares);
  }
  if (!logit_shares.empty())
    deliver(*head(first_tokens(hidden, packed.offsets, head_reader())), logit_shares);
}

void Forward::deliver_token_logits(const Packed& packed, const Activations& hidden) const {
  if (!spec_.head || spec_.head->input != HeadInput::tokens) return;
  const size_t labels = spec_.head->labels;
  std::vector<int32_t> rows;
  Shares shares;
  for (const auto& place : packed.places) {
    if (!place.request.logits) continue;
    const size_t first = rows.size();
    size_t to = place.request_token;
    if (const auto& wanted = place.request.logit_rows) {
      const auto begin = static_cast<int32_t>(place.request_token);
      const auto low = std::ranges::lower_bound(*wanted, begin);
      const auto high = std::ranges::lower_bound(*wanted, begin + static_cast<int32_t>(place.tokens));
      for (auto row = low; row != high; ++row)
        rows.push_back(*row - begin + static_cast<int32_t>(place.token));
      to = static_cast<size_t>(low - wanted->begin());
    } else {
      rows.resize(first + place.tokens);
      std::iota(rows.begin() + static_cast<ptrdiff_t>(first), rows.end(), static_cast<int32_t>(place.token));
    }
    shares.push_back({first, rows.size() - first, row_of(place.outputs.logits, to, labels)});
  }
  for (size_t begin = 0; begin < rows.size(); begin += kHeadRows) {
    control_.check();
    const size_t end = std::min(begin + kHeadRows, rows.size());
    Tensor some = make(end - begin, spec_.hidden, {&head_reader()}, false);
    backend_.gather(hidden, std::span(rows).subspan(begin, end - begin), *some);
    Shares within;
    for (const auto& [row, count, to] : shares) {
      const size_t low = std::max(row, begin), high = std::min(row + count, end);
      if (low < high) within.push_back({low - begin, high - low, to + (low - row) * labels});
    }
    download(*head(std::move(some)), within);
  }
}

}  // namespace twofour
