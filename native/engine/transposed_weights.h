#pragma once
#include <map>
#include <memory>

#include "base/control.h"
#include "engine/weights.h"

namespace twofour {

/// Wᵀ of the linears that a gradient goes back through, without bias: dx = dy · W.
struct TransposedWeights {
  struct Layer {
    std::unique_ptr<PackedLinear> query_key_value, attention_output, ffn_in, ffn_out;
  };
  std::map<size_t, Layer> sets;  ///< By LayerSpec::weights.
  std::unique_ptr<PackedLinear> pooler, head_transform, head_output;
};

/// Reads one matrix at a time. Throws as load_weights.
TransposedWeights load_transposed(const EncoderSpec& spec, const WeightSources& sources, Backend& backend,
                                  Control& control);

}  // namespace twofour
