#include "engine/walk_place.h"

#include <iterator>

#include "base/error.h"

namespace twofour {
namespace {
constexpr std::string_view kStages[] = {"attention", "attentionOutput", "ffnIn", "ffnOut"};
}  // namespace

std::string name_of(WalkStage stage) { return std::string(kStages[static_cast<size_t>(stage)]); }

WalkStage walk_stage_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kStages); ++i) {
    if (kStages[i] == name) return static_cast<WalkStage>(i);
  }
  throw Error("INTERNAL", "Unknown stage " + std::string(name) + " crossed the binding.");
}

void WalkPlace::reach(WalkStage stage, WalkLayer& layer, const WalkChunk& chunk) {
  if (middle || stage == WalkStage::attention) return;
  if (!context) context = layer.context(*chunk.batch, *hidden);
  if (stage == WalkStage::attention_output) return;
  middle = layer.middle(*context, *hidden);
  context.reset();
  hidden.reset();
}

WalkPlace::Tensor WalkPlace::input(WalkStage stage, WalkLayer& layer) const {
  switch (stage) {
    case WalkStage::attention:
      return hidden;
    case WalkStage::attention_output:
      return context;
    case WalkStage::ffn_in:
      return middle;
    case WalkStage::ffn_out:
      return layer.inner(*middle);
  }
  return nullptr;
}

WalkPlace::Tensor WalkPlace::through(WalkLayer& layer, const WalkChunk& chunk) const {
  if (output) return output;
  WalkPlace place = *this;
  place.reach(WalkStage::ffn_in, layer, chunk);
  return layer.output(*layer.inner(*place.middle), *place.middle);
}

WalkLayer::Tensor dense_target(WalkStage stage, WalkLayer& dense, WalkPlace& dense_place,
                               const WalkPlace& place, Analysis& analysis) {
  const WalkLayer::Tensor x = dense_place.input(stage, dense);
  const bool inside = stage == WalkStage::ffn_out;
  const PackedLinear& linear = inside ? dense.ffn_out() : dense.attention_output();
  const Activations& residual = inside ? *dense_place.middle : *dense_place.hidden;
  const Activations& drifted = inside ? *place.middle : *place.hidden;
  WalkLayer::Tensor y = dense.apply(linear, *x, {.residual = &residual});
  if (inside && !dense_place.output) dense_place.output = dense.output_norm(*y);
  const WalkLayer::Tensor negative = dense.make(drifted.tokens(), drifted.width());
  const float minus = -1;
  analysis.scale_groups(drifted, {&minus, 1}, drifted.width(), *negative);
  analysis.add(*y, *negative, *y);
  return y;
}

}  // namespace twofour
