#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/differentiable_model.h"

namespace twofour {

/// Gradients by the weights of the linears that are wanted, summed over everything that is added.
class WeightSums {
 public:
  /// Slots: "layers.N.query" …, "pooler", "head.transform", "head.output". Throws Error INTERNAL for another.
  WeightSums(const std::set<std::string>& slots, const DifferentiableModel& model);

  /// Whether one of these, whose matrices lie one below the other, is wanted.
  bool wants(const std::string& prefix, const std::vector<std::string>& names) const;
  /// Σ over tokens of gradient · inputᵀ, nothing where no slot is wanted.
  void add(const std::string& prefix, const std::vector<std::string>& names, const Activations& gradient,
           const Activations& input);
  std::map<std::string, std::vector<float>> take() { return std::move(sums_); }

 private:
  Analysis& analysis_;
  std::map<std::string, std::vector<float>> sums_;  ///< [rows, columns] of the slot's matrix.
  std::vector<float> stacked_;
};

}  // namespace twofour
