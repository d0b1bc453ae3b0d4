#include "engine/differentiable_model.h"

#include <cmath>

namespace twofour {
namespace {

Analysis& analysis_of(Backend& backend) {
  if (Analysis* analysis = backend.analysis()) return *analysis;
  throw Error("DEVICE_UNAVAILABLE",
              backend.name() + " computes no gradients. Use device 'cpu' for calibration.");
}

}  // namespace

DifferentiableModel::DifferentiableModel(EncoderSpec from, const WeightSources& sources, Backend& device,
                                         Control& control)
    : spec(std::move(from)),
      backend(device),
      analysis(analysis_of(device)),
      weights(load_weights(spec, sources, {}, device, control)),
      transposed(load_transposed(spec, sources, device, control)) {}

Tensor DifferentiableModel::make(size_t tokens, size_t width, const PackedLinear* reader) const {
  return backend.activations(tokens, width,
                             {.linears = std::span(&reader, reader == nullptr ? 0 : 1), .plain = true});
}

Tensor DifferentiableModel::apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
                                  const PackedLinear* reader) const {
  Tensor out = make(in.tokens(), linear.rows(), reader);
  backend.linear(linear, in, epilogue, *out);
  return out;
}

Tensor DifferentiableModel::norm_backward(const Activations& in, const Norm& norm,
                                          const Activations& gradient, const PackedLinear& reader) const {
  Tensor out = make(in.tokens(), in.width(), &reader);
  analysis.layer_norm_backward(in, norm, gradient, *out);
  return out;
}

Attention DifferentiableModel::attention(size_t layer) const {
  return {.heads = spec.layers[layer].heads.size(),
          .head_size = spec.head_size,
          .scale = 1.0f / std::sqrt(static_cast<float>(spec.head_size)),
          .bias = weights.bias[layer],
          .span = spec.positions};
}

}  // namespace twofour
