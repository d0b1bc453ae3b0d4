#pragma once
#include <memory>

#include "cpu/linear_form.h"

namespace twofour::cpu {

inline constexpr const char* kSparseName = "sparse float32";

/// The weights that are not zero, as lists, whatever their pattern. In fp32 whatever the linear's format:
/// nearer to the checkpoint, and where it runs it was faster.
std::unique_ptr<LinearForm> make_sparse_form(const LinearWeights& weights, const Kernels& kernels,
                                             ThreadPool& pool);

}  // namespace twofour::cpu
