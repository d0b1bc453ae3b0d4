#include "engine/weight_sums.h"

#include <algorithm>

namespace twofour {

WeightSums::WeightSums(const std::set<std::string>& slots, Analysis& analysis) : analysis_(analysis) {
  for (const std::string& slot : slots) sums_.try_emplace(slot);
}

bool WeightSums::wants(const std::string& prefix, const std::vector<std::string>& names) const {
  return std::ranges::any_of(names, [&](const std::string& name) { return sums_.contains(prefix + name); });
}

void WeightSums::add(const std::string& prefix, const std::vector<std::string>& names,
                     const Activations& gradient, const Activations& input) {
  if (!wants(prefix, names)) return;
  const size_t count = gradient.width() * input.width(), part = count / names.size();
  if (names.size() == 1) {
    std::vector<float>& sums = sums_.at(prefix + names[0]);
    sums.resize(count);
    return analysis_.add_products(gradient, input, sums);
  }
  stacked_.assign(count, 0.0f);
  analysis_.add_products(gradient, input, stacked_);
  for (size_t i = 0; i < names.size(); ++i) {
    const auto found = sums_.find(prefix + names[i]);
    if (found == sums_.end()) continue;
    found->second.resize(part);
    for (size_t j = 0; j < part; ++j) found->second[j] += stacked_[i * part + j];
  }
}

}  // namespace twofour
