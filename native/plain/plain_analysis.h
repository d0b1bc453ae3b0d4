#pragma once
#include "backend/analysis.h"

namespace twofour::plain {

/// The verbs of analysis.h, one loop per formula, in double. What runs forward is in plain_analysis.cc,
/// gradients in plain_gradients.cc.
class PlainAnalysis final : public Analysis {
 public:
  void add_products(const Activations& a, const Activations& b, std::span<float> sums) override;
  void activate(const Activations& in, Activation activation, Activations& out) override;
  void activate_backward(const Activations& in, Activation activation, const Activations& gradient,
                         Activations& out) override;
  void scale_groups(const Activations& in, std::span<const float> factors, size_t group,
                    Activations& out) override;
  void dot_groups(const Activations& a, const Activations& b, size_t group, Activations& out) override;
  void add(const Activations& a, const Activations& b, Activations& out) override;
  void layer_norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                           Activations& out) override;
  void attention_backward(const Batch& batch, const Activations& qkv, const Attention& attention,
                          const Activations& gradient, Activations& out) override;
  void attention_probabilities(const Batch& batch, size_t sequence, const Activations& qkv,
                               const Attention& attention, std::span<float> out) override;
};

}  // namespace twofour::plain
