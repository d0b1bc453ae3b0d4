#include "engine/walk.h"

#include <string>

namespace twofour {
namespace {

constexpr std::string_view kStages[] = {"attention", "attentionOutput", "ffnIn", "ffnOut"};

std::string name_of(WalkStage stage) { return std::string(kStages[static_cast<size_t>(stage)]); }

Analysis& analysis_of(Backend& backend) {
  Analysis* analysis = backend.analysis();
  if (analysis == nullptr)
    throw Error("DEVICE_UNAVAILABLE", backend.name() + " cannot collect statistics. Use device 'cpu'.");
  return *analysis;
}

[[noreturn]] void out_of_order(const std::string& sentence) { throw Error("INTERNAL", sentence); }

}  // namespace

WalkStage walk_stage_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kStages); ++i) {
    if (kStages[i] == name) return static_cast<WalkStage>(i);
  }
  throw Error("INTERNAL", "Unknown stage " + std::string(name) + " crossed the binding.");
}

Walk::Walk(Request request, Backend& backend, const Control& control)
    : spec_(std::move(request.spec)),
      outside_(std::move(request.outside)),
      dense_(request.dense),
      backend_(backend),
      analysis_(analysis_of(backend)),
      chunks_(cut_chunks(spec_, request.tokens, request.chunk_tokens, backend)) {
  restart(control);
}

void Walk::restart(const Control& control) {
  Places places;
  for (Tensor& hidden : embed_chunks(spec_, outside_, chunks_, backend_, control))
    places.pruned.push_back({.hidden = std::move(hidden), .context = nullptr, .middle = nullptr});
  // Nothing before the first layer is pruned, so that both begin with the same.
  if (dense_) places.dense = places.pruned;
  places_ = std::move(places);
  layer_ = 0;
  stage_ = WalkStage::attention;
}

Moments Walk::collect(const Collect& request, const Weights& weights, const Control& control) {
  expect_layer("collect", request.layer, weights);
  if (request.stage < stage_)
    out_of_order("Expected `stage` to be " + name_of(stage_) + " or a later one of layer " +
                 std::to_string(layer_) + ", got " + name_of(request.stage) +
                 ", which the walk has passed. Restart it.");
  if (request.dense_target && !dense_)
    out_of_order("Expected `target` to be 'own' in a walk that is not dense, got 'dense'.");
  const MomentKind wanted = kind(request);
  if (request.into != nullptr && kind_of(*request.into) != wanted)
    out_of_order("Expected `into` to be moments of the same stage and kind, got others.");

  stage_ = request.stage;
  Layers layer = layers(request.layer, weights);
  MomentSums sums(wanted, backend_, analysis_);
  if (request.into != nullptr) sums.start_from(*request.into);
  for (size_t i = 0; i < chunks_.size(); ++i) {
    control.report(i, chunks_.size());
    const WalkChunk& chunk = chunks_[i];
    reach(request.stage, layer.pruned, chunk, places_.pruned[i]);
    Tensor y;
    if (request.dense_target) {
      reach(request.stage, layer.dense, chunk, places_.dense[i]);
      y = counted(chunk, target(request.stage, layer.dense, places_.dense[i], places_.pruned[i]));
    }
    const Tensor x = counted(chunk, input(request.stage, layer.pruned, places_.pruned[i]));
    sums.add(*x, y.get());
  }
  return sums.finish();
}

void Walk::advance(size_t layer, const Weights& weights, const Control& control) {
  expect_layer("advance", layer, weights);
  Layers through_layers = layers(layer, weights);
  Places next;
  for (size_t i = 0; i < chunks_.size(); ++i) {
    control.report(i, chunks_.size());
    next.pruned.push_back({.hidden = through(through_layers.pruned, chunks_[i], places_.pruned[i]),
                           .context = nullptr,
                           .middle = nullptr});
    if (dense_)
      next.dense.push_back({.hidden = through(through_layers.dense, chunks_[i], places_.dense[i]),
                            .context = nullptr,
                            .middle = nullptr});
  }
  places_ = std::move(next);
  ++layer_;
  stage_ = WalkStage::attention;
}

size_t Walk::bytes() const {
  size_t tokens = 0;
  for (const WalkChunk& chunk : chunks_) tokens += chunk.tokens;
  return tokens * spec_.hidden * sizeof(float) * (dense_ ? 4 : 2);
}

void Walk::expect_layer(const char* verb, size_t layer, const Weights& weights) const {
  if (layer_ == spec_.layers.size())
    out_of_order("The walk is behind its last layer. Restart it to " + std::string(verb) + " again.");
  if (layer != layer_)
    out_of_order("Expected `layer` to be " + std::to_string(layer_) + ", which the walk stands before, got " +
                 std::to_string(layer) + ".");
  if (dense_ && weights.dense == nullptr)
    out_of_order("Expected `denseWeights` to be there in a walk that is dense, got none.");
}

MomentKind Walk::kind(const Collect& request) const {
  const LayerSpec& shape = spec_.layers[request.layer];
  const size_t model = shape.heads.size() * spec_.head_size;
  const struct {
    size_t columns, rows;
  } sizes[] = {{spec_.hidden, 3 * model},
               {model, spec_.hidden},
               {spec_.hidden, shape.inner},
               {shape.inner, spec_.hidden}};
  const auto [columns, rows] = sizes[static_cast<size_t>(request.stage)];
  return {.columns = columns, .full = request.full && columns > 0, .rows = request.dense_target ? rows : 0};
}

Walk::Layers Walk::layers(size_t layer, const Weights& weights) const {
  const WeightSources& dense = dense_ ? *weights.dense : *weights.pruned;
  return {.pruned = WalkLayer(spec_, layer, outside_, *weights.pruned, backend_),
          .dense = WalkLayer(spec_, layer, outside_, dense, backend_)};
}

/// Lets go what the stage and those after it do not read.
void Walk::reach(WalkStage stage, WalkLayer& layer, const WalkChunk& chunk, Place& place) {
  if (place.middle || stage == WalkStage::attention) return;
  if (!place.context) place.context = layer.context(*chunk.batch, *place.hidden);
  if (stage == WalkStage::attention_output) return;
  place = {.hidden = nullptr, .context = nullptr, .middle = layer.middle(*place.context, *place.hidden)};
}

Walk::Tensor Walk::input(WalkStage stage, WalkLayer& layer, const Place& place) {
  switch (stage) {
    case WalkStage::attention:
      return place.hidden;
    case WalkStage::attention_output:
      return place.context;
    case WalkStage::ffn_in:
      return place.middle;
    case WalkStage::ffn_out:
      return layer.inner(*place.middle);
  }
  return nullptr;
}

/// W x + b of the dense weights on the dense input, and where a residual follows how far that has drifted:
/// what the pruned linear has to make for the sum to be the dense one.
Walk::Tensor Walk::target(WalkStage stage, WalkLayer& dense, const Place& dense_place,
                          const Place& place) const {
  const Tensor x = input(stage, dense, dense_place);
  if (stage == WalkStage::attention) return dense.apply(dense.query_key_value(), *x, {});
  if (stage == WalkStage::ffn_in) return dense.apply(dense.ffn_in(), *x, {});
  const bool inside = stage == WalkStage::ffn_out;
  const PackedLinear& linear = inside ? dense.ffn_out() : dense.attention_output();
  const Activations& beside = inside ? *place.middle : *place.hidden;
  Tensor y =
      dense.apply(linear, *x, {.residual = inside ? dense_place.middle.get() : dense_place.hidden.get()});
  const Tensor negative = blank(beside.tokens(), beside.width());
  const float minus = -1;
  analysis_.scale_groups(beside, {&minus, 1}, beside.width(), *negative);
  analysis_.add(*y, *negative, *y);
  return y;
}

Walk::Tensor Walk::counted(const WalkChunk& chunk, Tensor rows) const {
  if (!chunk.counted) return rows;
  Tensor out = blank(chunk.counted->size(), rows->width());
  backend_.gather(*rows, *chunk.counted, *out);
  return out;
}

Walk::Tensor Walk::through(WalkLayer& layer, const WalkChunk& chunk, Place place) {
  reach(WalkStage::ffn_in, layer, chunk, place);
  return layer.output(*layer.inner(*place.middle), *place.middle);
}

Walk::Tensor Walk::blank(size_t tokens, size_t width) const {
  return backend_.activations(tokens, width, {.linears = {}, .plain = true});
}

}  // namespace twofour
