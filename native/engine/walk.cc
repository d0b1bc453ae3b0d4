#include "engine/walk.h"

#include <string>

#include "engine/linear_moments.h"

namespace twofour {
namespace {

Analysis& analysis_of(Backend& backend) {
  Analysis* analysis = backend.analysis();
  if (analysis == nullptr)
    throw Error("DEVICE_UNAVAILABLE", backend.name() + " cannot collect statistics. Use device 'cpu'.");
  return *analysis;
}

[[noreturn]] void out_of_order(const std::string& sentence) { throw Error("INTERNAL", sentence); }

}  // namespace

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
  for (WalkLayer::Tensor& hidden : embed_chunks(spec_, outside_, chunks_, backend_, control))
    places.pruned.push_back(WalkPlace::before_layer(std::move(hidden)));
  // Embeddings are the same for both.
  if (dense_) places.dense = places.pruned;
  places_ = std::move(places);
  layer_ = 0;
  stage_ = WalkStage::attention;
}

Moments Walk::collect(const Collect& request, const Weights& weights, const Control& control) {
  expect_layer("collect", request.layer, weights);
  const MomentKind kind = expect_stage(request);

  stage_ = request.stage;
  Layers both = layers(request.layer, weights);
  const bool residual = stage_ == WalkStage::attention_output || stage_ == WalkStage::ffn_out;
  return kind.rows == 0 || residual ? collect_outputs(request, kind, both, control)
                                    : collect_inputs(request, kind, both, control);
}

Moments Walk::collect_outputs(const Collect& request, const MomentKind& kind, Layers& both,
                              const Control& control) {
  MomentSums sums(kind, backend_, analysis_);
  if (request.into != nullptr) sums.start_from(*request.into);
  for (size_t i = 0; i < chunks_.size(); ++i) {
    control.report(i, chunks_.size());
    const WalkChunk& chunk = chunks_[i];
    WalkPlace& place = places_.pruned[i];
    place.reach(stage_, both.pruned, chunk);
    WalkLayer::Tensor target;
    if (kind.rows > 0) {
      places_.dense[i].reach(stage_, both.dense, chunk);
      target = counted(chunk, dense_target(stage_, both.dense, places_.dense[i], place, analysis_));
    }
    sums.add(*counted(chunk, place.input(stage_, both.pruned)), target.get());
  }
  return sums.finish();
}

Moments Walk::collect_inputs(const Collect& request, const MomentKind& kind, Layers& both,
                             const Control& control) {
  const size_t columns = kind.columns;
  MomentSums pairs({.columns = columns, .full = kind.full, .rows = columns}, backend_, analysis_);
  MomentSums dense({.columns = columns, .full = true}, backend_, analysis_);
  for (size_t i = 0; i < chunks_.size(); ++i) {
    control.report(i, chunks_.size());
    const WalkChunk& chunk = chunks_[i];
    places_.pruned[i].reach(stage_, both.pruned, chunk);
    places_.dense[i].reach(stage_, both.dense, chunk);
    const auto x = counted(chunk, places_.pruned[i].input(stage_, both.pruned));
    const auto d = counted(chunk, places_.dense[i].input(stage_, both.dense));
    pairs.add(*x, d.get());
    dense.add(*d, nullptr);
  }
  const PackedLinear& linear =
      stage_ == WalkStage::attention ? both.dense.query_key_value() : both.dense.ffn_in();
  Moments moments = moments_through(linear, pairs.finish(), dense.finish(), backend_);
  if (request.into != nullptr) add_moments(moments, *request.into);
  return moments;
}

void Walk::advance(size_t layer, const Weights& weights, const Control& control) {
  expect_layer("advance", layer, weights);

  Layers both = layers(layer, weights);
  Places next;
  for (size_t i = 0; i < chunks_.size(); ++i) {
    control.report(i, chunks_.size());
    next.pruned.push_back(WalkPlace::before_layer(places_.pruned[i].through(both.pruned, chunks_[i])));
    if (dense_)
      next.dense.push_back(WalkPlace::before_layer(places_.dense[i].through(both.dense, chunks_[i])));
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

MomentKind Walk::expect_stage(const Collect& request) const {
  if (request.stage < stage_)
    out_of_order("Expected `stage` to be " + name_of(stage_) + " or a later one of layer " +
                 std::to_string(layer_) + ", got " + name_of(request.stage) +
                 ", which the walk has passed. Restart it.");
  if (request.dense_target && !dense_)
    out_of_order("Expected `target` to be 'own' in a walk that is not dense, got 'dense'.");
  const MomentKind wanted = kind(request);
  if (request.into != nullptr && kind_of(*request.into) != wanted)
    out_of_order("Expected `into` to be moments of the same stage and kind, got others.");
  return wanted;
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

WalkLayer::Tensor Walk::counted(const WalkChunk& chunk, WalkLayer::Tensor rows) const {
  if (!chunk.counted) return rows;
  WalkLayer::Tensor out =
      backend_.activations(chunk.counted->size(), rows->width(), {.linears = {}, .plain = true});
  backend_.gather(*rows, *chunk.counted, *out);
  return out;
}

}  // namespace twofour
