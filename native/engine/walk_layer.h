#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/slot_weights.h"
#include "engine/spec.h"

namespace twofour {

/// One application of a layer in its parts, in fp32. Weights are read and packed when a part first needs
/// them, and go with this object. Everything but them is borrowed.
class WalkLayer {
 public:
  using Tensor = std::shared_ptr<Activations>;

  /// `outside`: slots outside of the layers. `sources`: those of the layer.
  WalkLayer(const EncoderSpec& spec, size_t layer, const WeightSources& outside, const WeightSources& sources,
            Backend& backend)
      : spec_(spec), shape_(spec.layers[layer]), outside_(outside), sources_(sources), backend_(backend) {}

  const PackedLinear& query_key_value();
  const PackedLinear& attention_output();
  const PackedLinear& ffn_in();
  const PackedLinear& ffn_out();
  size_t context_width() const { return shape_.heads.size() * spec_.head_size; }
  size_t inner_width() const { return shape_.inner; }

  /// What attention makes of the layer's input: [tokens, heads · head_size].
  Tensor context(const Batch& batch, const Activations& in);
  /// The norm of its output beside the layer's input: [tokens, hidden].
  Tensor middle(const Activations& context, const Activations& in);
  /// The neurons: [tokens, inner].
  Tensor inner(const Activations& middle);
  /// The layer's output: [tokens, hidden].
  Tensor output(const Activations& inner, const Activations& middle);
  /// The last step of `output`: the norm of ffn_out's sum with its residual.
  Tensor output_norm(const Activations& sum);

  Tensor apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue);
  Tensor make(size_t tokens, size_t width);

 private:
  std::string slot(const char* name) const;
  const PackedLinear& packed(std::unique_ptr<PackedLinear>& linear, const std::vector<const char*>& names);
  Tensor normed(const Activations& in, std::unique_ptr<Norm>& norm, const char* name);

  const EncoderSpec& spec_;
  const LayerSpec& shape_;
  const WeightSources &outside_, &sources_;
  Backend& backend_;
  std::unique_ptr<PackedLinear> query_key_value_, attention_output_, ffn_in_, ffn_out_;
  std::unique_ptr<Norm> after_attention_, after_ffn_;
  std::unique_ptr<Table> bias_;
};

}  // namespace twofour
