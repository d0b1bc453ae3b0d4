#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/moments.h"
#include "base/thread_pool.h"
#include "base/weight_source.h"

namespace twofour::pruning {

/// A linear in numbers.
struct Linear {
  size_t rows, columns;
  std::vector<float> weights;  ///< [rows, columns]
  std::vector<float> bias;     ///< [rows]
};

/// With what pruning has left of the weights (rows and columns that are gone as zeros).
/// Throws what RowReader throws, PRUNE_NOT_FINITE included.
Linear read_linear(const WeightSource& weight, const WeightSource& bias);
/// The same as stored, whatever the bits of `weight` say.
Linear read_stored(const WeightSource& weight, const WeightSource& bias);

/// Inputs around their means, so that what is solved for weights has the best bias beside it.
struct Centred {
  size_t columns, tokens;
  std::vector<double> means;    ///< [columns]
  std::vector<float> products;  ///< [columns, columns]: Σ (x − mean)(x − mean)ᵀ; zeros for dead columns.
  std::vector<uint8_t> dead;    ///< [columns]: 1 where an input is the same number at every token.
  double mean_diagonal;         ///< Over all columns.
};

/// Of full moments over at least one token.
Centred centre(const Moments& moments, ThreadPool& pool);

/// How far the output of some weights is from what it should be, and which way it goes down: each row's
/// squared error as a function of its weights.
struct Deviation {
  std::vector<float> gradient;   ///< [rows, columns]: half of the derivative, for the best bias.
  std::vector<double> gaps;      ///< [rows]: mean output minus mean target.
  std::vector<double> errors;    ///< [rows]: Σ over tokens of the squared error that no bias can mend.
  std::vector<double> energies;  ///< [rows]: Σ over tokens of (target − bias)².
};

/// Of `weights` [rows, columns] with the linear's bias. The target is that of the moments (whose rows begin
/// at `target_row`), else the output of the linear itself.
Deviation deviation_of(std::span<const float> weights, const Linear& linear, const Centred& centred,
                       const Moments& moments, size_t target_row, ThreadPool& pool);

/// Σ x (y − mean y)ᵀ of the moments' target: [rows, columns], zeros for dead columns.
std::vector<float> centred_cross(const Moments& moments, const Centred& centred, size_t target_row,
                                 size_t rows);

/// ‖(Ŵ − W) x + b̂ − b‖² / ‖W x‖² over the tokens of full moments. 0 where nothing differs.
double relative_error(const Linear& before, const Linear& after, const Moments& moments, ThreadPool& pool);

/// Error PRUNE_SINGULAR of a matrix `name` whose solver factorises.
[[noreturn]] void throw_singular(std::string_view name, const Centred& centred);

/// error / energy, 0 where there is no error.
double share_of(double error, double energy);

}  // namespace twofour::pruning
