#include "engine/uses.h"

namespace twofour {

std::vector<LinearUse> uses_of(const EncoderSpec& spec, const EncoderWeights& weights) {
  std::vector<LinearUse> uses;
  for (const auto& [set, layer] : weights.sets) {
    uses.push_back({.linear = layer.query_key_value.get()});
    uses.push_back({.linear = layer.attention_output.get(), .residual = true});
    uses.push_back({.linear = layer.ffn_in.get(), .activation = spec.activation});
    uses.push_back({.linear = layer.ffn_out.get(), .residual = true});
  }
  return uses;
}

}  // namespace twofour
