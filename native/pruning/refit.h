#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/control.h"
#include "pruning/objective.h"

namespace twofour::pruning {

/// What least squares adds to the weights that `bits` keep, [rows, columns]: of each row with support S
/// (C_SS + λ I) d_S = −gradient_S, with C of `centred` and λ = damping · its mean diagonal. So damping draws
/// towards the weights as they are. Small systems by Cholesky, others by conjugate gradients until the
/// squared error is within some 1e-5 of its least. Throws Error PRUNE_SINGULAR, naming `name`, where nothing
/// is damped and the inputs do not determine a row.
std::vector<float> refit(const Centred& centred, const Deviation& deviation, std::span<const uint8_t> bits,
                         double damping, std::string_view name, ThreadPool& pool, Control& control);

/// The error of both solvers that factorise.
[[noreturn]] void throw_singular(std::string_view name, const Centred& centred);

}  // namespace twofour::pruning
