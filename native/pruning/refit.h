#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/control.h"
#include "pruning/objective.h"

namespace twofour::pruning {

/// What least squares adds to the weights that `bits` keep, [rows, columns]: of each row with support S
/// (C_SS + λ I) d_S = −gradient_S, with C of `centred` and λ = damping · its mean diagonal. So damping draws
/// towards the weights as they are. By conjugate gradients, until what they gain gets small. Throws
/// Cancelled.
std::vector<float> refit(const Centred& centred, const Deviation& deviation, std::span<const uint8_t> bits,
                         double damping, ThreadPool& pool, Control& control);

}  // namespace twofour::pruning
