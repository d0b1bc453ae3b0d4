#include "engine/weight_sums.h"

#include <algorithm>

namespace twofour {
namespace {

/// Elements of every matrix that a gradient comes by.
std::map<std::string, size_t> sizes_of(const EncoderWeights& weights) {
  std::map<std::string, size_t> sizes;
  const auto add = [&](const std::string& slot, const std::unique_ptr<PackedLinear>& linear, size_t parts) {
    if (linear) sizes[slot] = linear->rows() * linear->columns() / parts;
  };
  for (const auto& [set, layer] : weights.sets) {
    const std::string prefix = "layers." + std::to_string(set) + ".";
    for (const char* name : {"query", "key", "value"}) add(prefix + name, layer.query_key_value, 3);
    add(prefix + "attentionOutput", layer.attention_output, 1);
    add(prefix + "ffnIn", layer.ffn_in, 1);
    add(prefix + "ffnOut", layer.ffn_out, 1);
  }
  add("pooler", weights.pooler, 1);
  add("head.transform", weights.head.transform, 1);
  add("head.output", weights.head.output, 1);
  return sizes;
}

}  // namespace

WeightSums::WeightSums(const std::set<std::string>& slots, const DifferentiableModel& model)
    : analysis_(model.analysis) {
  const std::map<std::string, size_t> sizes = sizes_of(model.weights);
  for (const std::string& slot : slots) {
    const auto found = sizes.find(slot);
    if (found == sizes.end()) throw Error("INTERNAL", "No gradient comes by a linear of slot " + slot + ".");
    sums_.emplace(slot, std::vector<float>(found->second));
  }
}

bool WeightSums::wants(const std::string& prefix, const std::vector<std::string>& names) const {
  return std::ranges::any_of(names, [&](const std::string& name) { return sums_.contains(prefix + name); });
}

void WeightSums::add(const std::string& prefix, const std::vector<std::string>& names,
                     const Activations& gradient, const Activations& input) {
  if (!wants(prefix, names)) return;
  const size_t count = gradient.width() * input.width(), part = count / names.size();
  if (names.size() == 1) return analysis_.add_products(gradient, input, sums_.at(prefix + names[0]));
  stacked_.assign(count, 0.0f);
  analysis_.add_products(gradient, input, stacked_);
  for (size_t i = 0; i < names.size(); ++i) {
    const auto found = sums_.find(prefix + names[i]);
    if (found == sums_.end()) continue;
    for (size_t j = 0; j < part; ++j) found->second[j] += stacked_[i * part + j];
  }
}

}  // namespace twofour
