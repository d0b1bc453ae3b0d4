#pragma once
#include <memory>

#include "base/thread_pool.h"
#include "cpu/cpu_linear.h"

namespace twofour::cpu {

/// Decides in which forms a matrix is held and which runs for how many tokens: what the tuning knows, or what
/// it lets be measured here and now. What was not measured runs dense. `buffers` is for the measuring.
std::unique_ptr<CpuLinear> pack_linear(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool,
                                       Buffers& buffers);

}  // namespace twofour::cpu
