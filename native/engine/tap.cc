#include <algorithm>

#include "engine/differentiable.h"
#include "engine/head_pass.h"

namespace twofour {
namespace {

constexpr size_t kLogitRows = 256;

/// What one slice adds to the numbers of a tap.
class TapPass {
 public:
  TapPass(const DifferentiableModel& model, const TapRequest& request, std::vector<float>& out)
      : model_(model), request_(request), forward_(model, request.gates), out_(out) {}

  void run(const Slice& slice, Control& control) const {
    const auto batch = slice.batch(model_.backend);
    Tensor hidden = forward_.embeddings(*batch, slice.tokens());
    for (size_t layer = 0; layer < layers(); ++layer) {
      control.check();
      LayerTape tape = forward_.layer(*batch, layer, *hidden);
      if (inside() && layer + 1 == layers()) return of_layer(*batch, slice, *hidden, tape);
      hidden = std::move(tape.out);
    }
    if (request_.what == Tap::logits) return logits(slice, *hidden);
    if (request_.what != Tap::sentence) return download(*hidden);
    const Tensor vectors = model_.make(slice.count(), model_.spec.hidden);
    model_.backend.pool(*batch, *hidden, {.pooling = request_.pooling}, *vectors);
    download(*vectors);
  }

 private:
  bool behind() const { return request_.what == Tap::logits || request_.what == Tap::sentence; }
  bool inside() const { return !behind() && request_.what != Tap::hidden; }
  /// How many run.
  size_t layers() const {
    return behind() ? model_.spec.layers.size() : static_cast<size_t>(request_.layer + 1);
  }

  void of_layer(const Batch& batch, const Slice& slice, const Activations& in, const LayerTape& tape) const {
    switch (request_.what) {
      case Tap::input:
        return download(in);
      case Tap::context:
        return download(tape.attention_output_input());
      case Tap::middle:
        return download(*tape.middle);
      case Tap::neurons:
        return download(tape.ffn_out_input());
      default:
        return probabilities(batch, slice, *tape.qkv);
    }
  }

  void probabilities(const Batch& batch, const Slice& slice, const Activations& qkv) const {
    const Attention attention = model_.attention(layers() - 1);
    for (size_t sequence = 0; sequence < slice.count(); ++sequence) {
      const auto tokens = static_cast<size_t>(slice.offsets[sequence + 1] - slice.offsets[sequence]);
      model_.analysis.attention_probabilities(batch, sequence, qkv, attention,
                                              more(attention.heads * tokens * tokens));
    }
  }

  void logits(const Slice& slice, const Activations& hidden) const {
    std::vector<int32_t> rows(slice.offsets.begin(), slice.offsets.end() - 1);
    if (model_.spec.head->input == HeadInput::tokens) {
      rows.resize(slice.tokens());
      for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
    }
    for (size_t begin = 0; begin < rows.size(); begin += kLogitRows) {
      const auto some = std::span(rows).subspan(begin, std::min(kLogitRows, rows.size() - begin));
      HeadPass head(model_);
      Tensor in = model_.make(some.size(), model_.spec.hidden, &head.reader());
      model_.backend.gather(hidden, some, *in);
      download(*head.forward(std::move(in)));
    }
  }

  std::span<float> more(size_t count) const {
    out_.resize(out_.size() + count);
    return std::span(out_).last(count);
  }
  void download(const Activations& from) const {
    model_.backend.download(from, more(from.tokens() * from.width()));
  }

  const DifferentiableModel& model_;
  const TapRequest& request_;
  TapedForward forward_;
  std::vector<float>& out_;
};

}  // namespace

std::vector<float> Differentiable::tap(const TapRequest& request, Control& control) const {
  if (request.what == Tap::logits && !model_.spec.head)
    throw Error("TASK_UNSUPPORTED", "This model has no task head, so it has no logits.");
  std::vector<float> out;
  const TapPass pass(model_, request, out);
  const size_t count = request.sequences.count();
  const std::vector<size_t> cuts = cut(request.sequences, 0, count, 1, model_.backend.pass_tokens());
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    control.report(cuts[i], count);
    pass.run(Slice(request.sequences, cuts[i], cuts[i + 1], model_.spec), control);
  }
  return out;
}

}  // namespace twofour
