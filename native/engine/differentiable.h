#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control.h"
#include "engine/gate_sums.h"
#include "engine/loss.h"
#include "engine/slice.h"
#include "engine/tape.h"

namespace twofour {

/// As in binding.d.ts, whose comments hold here. Lengths were checked.
struct GradientRequest {
  Sequences sequences;
  std::shared_ptr<const Loss> loss;
  std::vector<int32_t> batches;
  Gates gates;
  bool heads = false, neurons = false, shared = false, rows = false;
  std::set<std::string> weights = {};
};

struct GradientResult {
  std::vector<double> losses;
  std::optional<GateGradients> heads, neurons;
  std::map<std::string, std::vector<float>> weights;
};

enum class Tap : uint8_t { input, context, middle, neurons, hidden, probabilities, logits, sentence };

struct TapRequest {
  Sequences sequences;
  Gates gates;
  int32_t layer = 0;
  Tap what = Tap::hidden;
  Pooling pooling = Pooling::mean;
};

/// An encoder in fp32 that gives derivatives of a loss, and what is inside. Immutable; one call at a time
/// (the backend's rule). Calls look at the cancel flag between layers and throw Cancelled, and what verbs
/// throw.
class Differentiable {
 public:
  /// `backend` is borrowed and must outlive it. Throws as DifferentiableModel.
  Differentiable(EncoderSpec spec, const WeightSources& sources, Backend& backend, Control& control)
      : model_(std::move(spec), sources, backend, control) {}

  /// Memory: a pass over some hundred tokens (over a minibatch, where the loss is one of it) and the results.
  GradientResult gradients(const GradientRequest& request, Control& control) const;
  std::vector<float> tap(const TapRequest& request, Control& control) const;
  size_t bytes() const;

 private:
  DifferentiableModel model_;
};

}  // namespace twofour
