#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/control.h"
#include "base/thread_pool.h"

namespace twofour::algebra {

/// Many systems over one symmetric matrix, each on rows and columns of its own: for row r with support S,
/// (matrix + shift · I)_SS · x_S = right_S.
struct MaskedSystems {
  std::span<const float> matrix;  ///< [size, size]
  size_t size;
  double shift;
  std::span<const uint8_t> bits;  ///< [rows, size]: the supports (base/bits.h)
};

/// When a row is done: at a residual (in the norm of the diagonal's inverse) of `tolerance` times the first;
/// where eight steps together lowered xᵀ A x / 2 − rightᵀ x by less than `gain` times what all have; or after
/// so many steps. What eight steps gain is the least that was still to gain before them (Hestenes & Stiefel
/// 1952), and as an estimate of it a good one (Strakoš & Tichý 2002).
struct Stop {
  double tolerance;
  double gain;
  size_t steps;
};

/// Solves by conjugate gradients, all rows at once by products in fp32, with the diagonal as preconditioner
/// and scalars in fp64. `right` and `x` are [rows, size]; `x` starts as zeros and stays zero outside of the
/// supports. No row's result depends on the others. Returns how many steps the slowest row took. Throws
/// Cancelled.
size_t solve_masked(const MaskedSystems& systems, std::span<const float> right, std::span<float> x,
                    const Stop& stop, ThreadPool& pool, const Control& control);

}  // namespace twofour::algebra
