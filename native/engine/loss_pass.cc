#include "engine/loss_pass.h"

#include <algorithm>

#include "backend/pooling.h"

namespace twofour {
namespace {

/// Logits that are computed at once: those of a vocabulary are large.
constexpr size_t kBlockLogits = size_t{1} << 22;

std::vector<float> downloaded(Backend& backend, const Activations& from) {
  std::vector<float> out(from.tokens() * from.width());
  backend.download(from, out);
  return out;
}

}  // namespace

LossPass::LossPass(const DifferentiableModel& model, const Loss& loss, WeightSums& weights,
                   std::span<double> losses)
    : model_(model), loss_(loss), weights_(weights), losses_(losses) {
  if (!loss.pooling() && !model.spec.head)
    throw Error("TASK_UNSUPPORTED",
                "This loss is one of logits, and the model has no task head. Use one of sentence vectors.");
}

Tensor LossPass::run(const Slice& slice, const Batch& batch, const Activations& hidden, bool backward) const {
  const std::vector<float> gradient =
      loss_.pooling() ? of_sentences(slice, batch, hidden) : of_logits(slice, hidden, backward);
  if (!backward) return nullptr;
  Tensor out = model_.make(hidden.tokens(), hidden.width());
  model_.backend.upload(gradient, *out);
  return out;
}

std::vector<float> LossPass::of_sentences(const Slice& slice, const Batch& batch,
                                          const Activations& hidden) const {
  const Pooling pooling = *loss_.pooling();
  const size_t width = hidden.width();
  const Tensor vectors = model_.make(slice.count(), width);
  model_.backend.pool(batch, hidden, {.pooling = pooling}, *vectors);
  std::vector<Row> rows;
  for (size_t i = 0; i < slice.count(); ++i)
    rows.push_back({slice.offsets[i], slice.first_sequence + i, slice.first_sequence + i});
  const std::vector<float> gradient = evaluate(rows, *vectors);

  std::vector<float> states, out(slice.tokens() * width);
  if (pooling == Pooling::max) states = downloaded(model_.backend, hidden);
  for (size_t i = 0; i < slice.count(); ++i) {
    const auto begin = static_cast<size_t>(slice.offsets[i]);
    const size_t tokens = static_cast<size_t>(slice.offsets[i + 1]) - begin;
    pool_sequence_backward(states.data() + (states.empty() ? 0 : begin * width), tokens, width, pooling,
                           gradient.data() + i * width, out.data() + begin * width);
  }
  return out;
}

std::vector<LossPass::Row> LossPass::rows_of(const Slice& slice) const {
  std::vector<Row> rows;
  const auto add = [&](size_t token, size_t row, size_t sequence) {
    if (loss_.counts(row)) rows.push_back({static_cast<int32_t>(token), row, sequence});
  };
  if (model_.spec.head->input == HeadInput::tokens) {
    const std::vector<size_t> sequences = slice.sequences_of_tokens();
    for (size_t token = 0; token < sequences.size(); ++token)
      add(token, slice.first_token + token, sequences[token]);
  } else {
    for (size_t i = 0; i < slice.count(); ++i)
      add(static_cast<size_t>(slice.offsets[i]), slice.first_sequence + i, slice.first_sequence + i);
  }
  return rows;
}

std::vector<float> LossPass::of_logits(const Slice& slice, const Activations& hidden, bool backward) const {
  const std::vector<Row> rows = rows_of(slice);
  const size_t most = std::max<size_t>(1, kBlockLogits / std::max<size_t>(1, model_.spec.head->labels));
  const size_t block = loss_.by_row() ? most : std::max<size_t>(1, rows.size());
  std::vector<float> out(backward ? slice.tokens() * hidden.width() : 0);
  for (size_t begin = 0; begin < rows.size(); begin += block)
    add_block(std::span(rows).subspan(begin, std::min(block, rows.size() - begin)), hidden, backward, out);
  return out;
}

void LossPass::add_block(std::span<const Row> rows, const Activations& hidden, bool backward,
                         std::span<float> out) const {
  HeadPass head(model_);
  std::vector<int32_t> sources;
  for (const Row& row : rows) sources.push_back(row.source);
  const size_t width = hidden.width();
  Tensor in = model_.make(rows.size(), width, &head.reader());
  model_.backend.gather(hidden, sources, *in);
  const Tensor logits = head.forward(std::move(in));
  const std::vector<float> by_logits = evaluate(rows, *logits);
  if (!backward) return;

  Tensor gradient = model_.make(rows.size(), logits->width(), &head.gradient_reader());
  model_.backend.upload(by_logits, *gradient);
  const std::vector<float> by_rows =
      downloaded(model_.backend, *head.backward(std::move(gradient), weights_));
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(by_rows.data() + i * width, width, out.data() + static_cast<size_t>(sources[i]) * width);
}

std::vector<float> LossPass::evaluate(std::span<const Row> rows, const Activations& values) const {
  const std::vector<float> numbers = downloaded(model_.backend, values);
  std::vector<float> gradient(numbers.size());
  std::vector<size_t> indices, sequences;
  for (const Row& row : rows) {
    indices.push_back(row.row);
    sequences.push_back(row.sequence);
  }
  loss_.evaluate({.width = values.width(),
                  .values = numbers,
                  .rows = indices,
                  .sequences = sequences,
                  .gradient = gradient,
                  .losses = losses_});
  return gradient;
}

}  // namespace twofour
