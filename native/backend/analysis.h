#pragma once
#include <cstddef>
#include <span>

#include "backend/backend.h"

namespace twofour {

/// What calibration and gradients need beyond a forward pass: an optional second part of the contract, in the
/// same manner (backend.h). All activations are made `plain` and are as wide as the formulas say; `out` is
/// never an operand unless a verb says so. Sums are fp32 or wider. Where this part is there, a dense float32
/// linear reads whatever was made `plain`, whether it was named as a reader or not.
class Analysis {
 public:
  virtual ~Analysis() = default;

  /// sums[i, j] += Σ over tokens of a[token, i] · b[token, j]; sums [a.width, b.width]. Waits. `a` and `b`
  /// may be the same.
  virtual void add_products(const Activations& a, const Activations& b, std::span<float> sums) = 0;

  /// out = activation(in); may be in place.
  virtual void activate(const Activations& in, Activation activation, Activations& out) = 0;
  /// out = gradient · activation'(in), `in` being what `activate` was given; may be in place of the gradient.
  virtual void activate_backward(const Activations& in, Activation activation, const Activations& gradient,
                                 Activations& out) = 0;

  /// out[token, i] = in[token, i] · factors[i / group]; factors [width / group]; may be in place.
  virtual void scale_groups(const Activations& in, std::span<const float> factors, size_t group,
                            Activations& out) = 0;
  /// out[token, g] = Σ over i of group g of a[token, i] · b[token, i]; out is [tokens, width / group].
  virtual void dot_groups(const Activations& a, const Activations& b, size_t group, Activations& out) = 0;
  /// out = a + b; may be in place.
  virtual void add(const Activations& a, const Activations& b, Activations& out) = 0;

  /// The gradient by `in` of layer_norm(in, norm).
  virtual void layer_norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                                   Activations& out) = 0;
  /// The gradient by qkv [tokens, 3 · heads · head_size] of attention(batch, qkv, attention).
  virtual void attention_backward(const Batch& batch, const Activations& qkv, const Attention& attention,
                                  const Activations& gradient, Activations& out) = 0;
  /// Probabilities of one sequence of the batch: [heads, tokens, tokens], queries before keys. Waits.
  virtual void attention_probabilities(const Batch& batch, size_t sequence, const Activations& qkv,
                                       const Attention& attention, std::span<float> out) = 0;
};

}  // namespace twofour
