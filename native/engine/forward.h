#pragma once
#include <memory>
#include <vector>

#include "engine/encoder.h"

namespace twofour {

/// One pass over consecutive sequences of a request. docs/tour.md walks it.
class Forward {
 public:
  Forward(const EncoderSpec& spec, const EncoderWeights& weights, Backend& backend, const Control& control)
      : spec_(spec), weights_(weights), backend_(backend), control_(control) {}

  /// Computes sequences [first, last) of the request into their places of `outputs`, which is sized already.
  void run(const RunRequest& request, size_t first, size_t last, RunOutputs& outputs) const;

 private:
  using Tensor = std::unique_ptr<Activations>;

  Tensor embeddings(const Batch& batch, size_t tokens) const;
  Tensor layer(const Batch& batch, size_t index, const Activations& in) const;
  /// The linears that will read the input of layer `index`; past the last layer, nobody.
  std::vector<const PackedLinear*> readers_of(size_t index) const;
  Tensor make(size_t tokens, size_t width, const std::vector<const PackedLinear*>& linears, bool plain) const;
  Tensor apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
               const std::vector<const PackedLinear*>& readers, bool plain) const;
  void head_over_rows(const Activations& hidden, std::span<const int32_t> rows,
                      std::span<float> logits) const;
  Tensor first_tokens(const Activations& hidden, std::span<const int32_t> offsets,
                      const PackedLinear& reader) const;
  Tensor head(Tensor in) const;

  const EncoderSpec& spec_;
  const EncoderWeights& weights_;
  Backend& backend_;
  const Control& control_;
};

}  // namespace twofour
