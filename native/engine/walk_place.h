#pragma once
#include <string>
#include <string_view>

#include "backend/analysis.h"
#include "engine/walk_chunks.h"
#include "engine/walk_layer.h"

namespace twofour {

/// Linears that read the same input, in the order in which a layer computes them.
enum class WalkStage : uint8_t { attention, attention_output, ffn_in, ffn_out };
std::string name_of(WalkStage stage);
/// Throws Error INTERNAL on a name that binding.d.ts does not have.
WalkStage walk_stage_from(std::string_view name);

/// How far a chunk is inside of a layer: the layer's input; that and the context; the middle alone, or with
/// what the dense layer made of it. What a stage and those after it do not read is let go.
struct WalkPlace {
  using Tensor = WalkLayer::Tensor;
  Tensor hidden, context, middle, output;

  static WalkPlace before_layer(Tensor hidden) { return {std::move(hidden), nullptr, nullptr, nullptr}; }

  /// Goes on to where the stage's input is, if that is not behind it.
  void reach(WalkStage stage, WalkLayer& layer, const WalkChunk& chunk);
  /// What the stage's linears read. The place must have reached the stage.
  Tensor input(WalkStage stage, WalkLayer& layer) const;
  /// The layer's output. The place stays where it is.
  Tensor through(WalkLayer& layer, const WalkChunk& chunk) const;
};

/// Of the two stages that a residual follows: W x + b of the dense weights on the dense input, and how far
/// the residual has drifted, which is what the pruned linear has to make for the sum to be the dense one.
/// Both places must have reached the stage. With the last one the dense layer's output is there too, and is
/// kept in its place.
WalkLayer::Tensor dense_target(WalkStage stage, WalkLayer& dense, WalkPlace& dense_place,
                               const WalkPlace& place, Analysis& analysis);

}  // namespace twofour
