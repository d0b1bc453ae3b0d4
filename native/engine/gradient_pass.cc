#include "engine/gradient_pass.h"

namespace twofour {

GradientPass::GradientPass(const DifferentiableModel& model, const GradientRequest& request, GateSums* heads,
                           GateSums* neurons, WeightSums& weights, std::span<double> losses)
    : model_(model),
      request_(request),
      heads_(heads),
      neurons_(neurons),
      forward_(model, request.gates),
      loss_(model, *request.loss, weights, losses),
      layers_(model, request.gates, heads, neurons, weights),
      lowest_(model.spec.layers.size()) {
  for (size_t layer = lowest_; layer-- > 0;) {
    const std::optional<Reach> reach = layers_.reach(layer);
    if (!reach) continue;
    lowest_ = layer;
    reach_ = *reach;
  }
}

void GradientPass::run(size_t first, size_t last, Control& control) const {
  const Slice slice(request_.sequences, first, last, model_.spec);
  const auto batch = slice.batch(model_.backend);
  const size_t count = model_.spec.layers.size();
  std::vector<LayerTape> tapes(count);
  // The input of the lowest layer that matters, and before that of each below it, which leave no tape.
  Tensor start = forward_.embeddings(*batch, slice.tokens());
  const auto input_of = [&](size_t layer) -> const Activations& {
    return layer <= lowest_ ? *start : *tapes[layer - 1].out;
  };
  for (size_t layer = 0; layer < count; ++layer) {
    control.check();
    tapes[layer] = forward_.layer(*batch, layer, input_of(layer));
    if (layer >= lowest_) continue;
    start = std::move(tapes[layer].out);
    tapes[layer] = {};
  }
  const bool backward = lowest_ < count || !request_.weights.empty();
  Tensor gradient = loss_.run(slice, *batch, lowest_ < count ? *tapes.back().out : *start, backward);
  for (size_t layer = count; layer-- > lowest_;) {
    control.check();
    gradient = layers_.run(*batch, layer, input_of(layer), tapes[layer], *gradient,
                           layer == lowest_ ? reach_ : Reach::input);
    tapes[layer] = {};
  }
  end_slice(slice);
}

void GradientPass::end_slice(const Slice& slice) const {
  std::vector<size_t> offsets;
  for (size_t i = 0; i < slice.offsets.size(); i += request_.loss->sequences_per_example())
    offsets.push_back(static_cast<size_t>(slice.offsets[i]));
  for (GateSums* sums : {heads_, neurons_}) {
    if (sums != nullptr) sums->end_slice(offsets);
  }
}

}  // namespace twofour
