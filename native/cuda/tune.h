#pragma once
#include <functional>
#include <span>

#include "backend/backend.h"

namespace twofour::cuda {

/// See Backend::tune. `uses` are of CudaLinears. First what has a sparse form, where there is most to gain;
/// then most tokens first, where most of the time goes. What is left is measured by a later load.
void tune_linears(std::span<const LinearUse> uses, size_t most_tokens, Tuning& tuning,
                  const std::function<void()>& between);

}  // namespace twofour::cuda
