#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/control.h"
#include "base/thread_pool.h"
#include "pruning/update.h"

namespace twofour::pruning {

struct StructuredObs {
  std::vector<int32_t> order;  ///< Groups of inputs, what goes first first.
  /// [order]: the squared error of the output, as damped least squares count it, when all up to this one are
  /// gone and the weights that stay have made up for it, as a share of the output's energy; ascending.
  std::vector<double> errors;
};

/// In which order a linear can do without its inputs, taken as groups of `group` columns (a head's values, a
/// neuron): one group after another, each time the one that least squares lose least by, with the weights
/// that are left updated (Kurtic, Frantar & Alistarh 2023, "ZipLM"): of a group S with H = C + λ I
/// Σ over rows of w_S (H⁻¹_SS)⁻¹ w_Sᵀ. `present` are the groups that are there, of which equal ones go from
/// the last; the others count as gone. Inputs that never change cost nothing, for a bias makes up
/// for them. Where the moments have a target, the weights that all begins with are its ridge solution. Throws
/// what read_linear throws, PRUNE_SINGULAR and Cancelled.
StructuredObs structured_obs(const WeightSource& weight, const WeightSource& bias, const Aim& aim,
                             size_t group, std::span<const int32_t> present, ThreadPool& pool,
                             Control& control);

}  // namespace twofour::pruning
