#pragma once
#include <cstddef>
#include <vector>

namespace twofour {

/// Sums over tokens x [columns] of a linear's input, and where a target is wanted over what its output should
/// be, y [rows]. Filled by the engine chunk by chunk, read by the solvers of the pruning room.
struct Moments {
  size_t columns = 0;
  size_t tokens = 0;            ///< How many were summed.
  std::vector<double> sums;     ///< [columns]: Σ x
  std::vector<double> squares;  ///< [columns]: Σ x²
  std::vector<float> products;  ///< [columns, columns]: Σ x xᵀ, symmetric; empty where only squares are kept.
  size_t rows = 0;              ///< Of the target; 0 where there is none.
  std::vector<float> cross;     ///< [rows, columns]: Σ y xᵀ
  std::vector<double> targets;  ///< [rows]: Σ y
  std::vector<double> energies;  ///< [rows]: Σ y²
};

}  // namespace twofour
