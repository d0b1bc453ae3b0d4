#include "cuda/tune.h"

#include <algorithm>

#include "cuda/cuda_linear.h"

namespace twofour::cuda {

void tune_linears(std::span<const LinearUse> uses, size_t most_tokens, Tuning& tuning,
                  const std::function<void()>& between) {
  std::vector<CudaLinear*> linears;
  for (const LinearUse& use : uses) {
    auto& linear = static_cast<CudaLinear&>(*use.linear);
    if (!linear.wants_tuning()) continue;
    linear.begin_tuning(use, most_tokens);
    linears.push_back(&linear);
  }
  const auto dense = std::stable_partition(linears.begin(), linears.end(),
                                           [](const CudaLinear* one) { return one->may_run_sparse(); });
  const auto measure = [&](auto begin, auto end) {
    if (begin == end) return;
    for (size_t index = (*begin)->classes(); index-- > 0;) {
      for (auto linear = begin; linear != end; ++linear) {
        between();
        (*linear)->tune(index, tuning);
      }
    }
  };
  measure(linears.begin(), dense);
  measure(dense, linears.end());
  for (CudaLinear* linear : linears) linear->end_tuning();
}

}  // namespace twofour::cuda
