#pragma once
#include <vector>

#include "backend/analysis.h"
#include "base/control.h"
#include "base/moments.h"
#include "engine/moment_sums.h"
#include "engine/walk_place.h"

namespace twofour {

/// A batch on its way through the layers, of weights that are being pruned and, where it is dense too, of
/// those as they were. Between layers a walk holds [tokens, hidden] for each of the two, and once more while
/// it is inside of one; all else is held for a chunk of sequences at a time.
///
/// Methods throw Error INTERNAL when they are called out of order, Error FILE_… when weights cannot be read,
/// Cancelled, and what verbs throw. After any of these the walk stands before the layer that it stood before,
/// and the call may be repeated.
class Walk {
 public:
  /// `backend` is borrowed and must have Analysis. `outside`: slots outside of the layers.
  struct Request {
    EncoderSpec spec;
    WeightSources outside;
    WalkTokens tokens;
    bool dense;
    size_t chunk_tokens;
  };
  Walk(Request request, Backend& backend, const Control& control);

  /// All slots of a layer; `dense` is null where the walk is not dense. Borrowed.
  struct Weights {
    const WeightSources* pruned;
    const WeightSources* dense;
  };
  struct Collect {
    size_t layer;
    WalkStage stage;
    bool full;
    bool dense_target;
    const Moments* into = nullptr;  ///< What was collected before, and is in the result too. Borrowed.
  };
  /// Weights of stages before this one must stay as they are until the walk leaves the layer.
  Moments collect(const Collect& request, const Weights& weights, const Control& control);
  /// Through the layer that the walk stands before.
  void advance(size_t layer, const Weights& weights, const Control& control);
  /// Back before the first layer.
  void restart(const Control& control);
  /// Of what grows with the batch, at most.
  size_t bytes() const;

 private:
  struct Places {
    std::vector<WalkPlace> pruned, dense;  ///< By chunk; dense empty where the walk is not.
  };
  struct Layers {
    WalkLayer pruned, dense;
  };

  void expect_layer(const char* verb, size_t layer, const Weights& weights) const;
  MomentKind expect_stage(const Collect& request) const;
  MomentKind kind(const Collect& request) const;
  Layers layers(size_t layer, const Weights& weights) const;
  /// Where the target is what linears make with a residual, or there is none: by a pass over their outputs.
  Moments collect_outputs(const Collect& request, const MomentKind& kind, Layers& both,
                          const Control& control);
  /// Where it is what they make of the dense input: by that.
  Moments collect_inputs(const Collect& request, const MomentKind& kind, Layers& both,
                         const Control& control);
  WalkLayer::Tensor counted(const WalkChunk& chunk, WalkLayer::Tensor rows) const;

  EncoderSpec spec_;
  WeightSources outside_;
  bool dense_;
  Backend& backend_;
  Analysis& analysis_;
  std::vector<WalkChunk> chunks_;
  Places places_;
  size_t layer_ = 0;                        ///< Before which it stands.
  WalkStage stage_ = WalkStage::attention;  ///< The latest that was collected there.
};

}  // namespace twofour
