#include "pruning/objective.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "algebra/products.h"
#include "base/error.h"

namespace twofour::pruning {
namespace {

/// A variance below this share of the mean square is rounding.
constexpr double kConstant = 1e-9;

/// rows · products.
std::vector<float> times(std::span<const float> rows, const Centred& centred, ThreadPool& pool) {
  std::vector<float> result(rows.size());
  const size_t columns = centred.columns;
  algebra::add_product(rows.data(), columns, centred.products.data(), columns,
                       rows.size() / std::max<size_t>(columns, 1), columns, columns, 1.0f, result.data(),
                       columns, pool);
  return result;
}

double dot(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double dot(const float* a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < b.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Σ over tokens of (row · x)², by row.
std::vector<double> energies_of(const Linear& linear, const Centred& centred, ThreadPool& pool) {
  const std::vector<float> products = times(linear.weights, centred, pool);
  std::vector<double> energies(linear.rows);
  for (size_t row = 0; row < linear.rows; ++row) {
    const size_t first = row * linear.columns;
    const float* weights = linear.weights.data() + first;
    const double mean = dot(weights, centred.means);
    energies[row] = dot(weights, products.data() + first, linear.columns) +
                    static_cast<double>(centred.tokens) * mean * mean;
  }
  return energies;
}

Deviation from_itself(std::span<const float> weights, const Linear& linear, const Centred& centred,
                      ThreadPool& pool) {
  std::vector<float> change(weights.size());
  for (size_t i = 0; i < change.size(); ++i) change[i] = weights[i] - linear.weights[i];
  Deviation deviation{times(change, centred, pool), {}, {}, energies_of(linear, centred, pool)};
  for (size_t row = 0; row < linear.rows; ++row) {
    const float* line = change.data() + row * linear.columns;
    deviation.gaps.push_back(dot(line, centred.means));
    deviation.errors.push_back(dot(line, deviation.gradient.data() + row * linear.columns, linear.columns));
  }
  return deviation;
}

Deviation from_target(std::span<const float> weights, const Linear& linear, const Centred& centred,
                      const Moments& moments, size_t target_row, ThreadPool& pool) {
  const auto tokens = static_cast<double>(moments.tokens);
  const std::vector<float> cross = centred_cross(moments, centred, target_row, linear.rows);
  Deviation deviation{times(weights, centred, pool), {}, {}, {}};
  for (size_t row = 0; row < linear.rows; ++row) {
    const float *line = weights.data() + row * linear.columns, *aim = cross.data() + row * linear.columns;
    float* gradient = deviation.gradient.data() + row * linear.columns;
    const double sum = moments.targets[target_row + row], energy = moments.energies[target_row + row];
    const double bias = linear.bias[row];
    double error = energy - sum * sum / tokens;
    for (size_t i = 0; i < linear.columns; ++i) {
      error += line[i] * (static_cast<double>(gradient[i]) - 2.0 * aim[i]);
      gradient[i] -= aim[i];
    }
    deviation.gaps.push_back(bias + dot(line, centred.means) - sum / tokens);
    deviation.errors.push_back(std::max(error, 0.0));
    deviation.energies.push_back(energy - 2 * bias * sum + tokens * bias * bias);
  }
  return deviation;
}

}  // namespace

Linear read_linear(const WeightSource& weight, const WeightSource& bias) {
  Linear linear{
      weight.stored_rows(), weight.stored_columns(), {}, std::vector<float>(bias.stored_elements())};
  linear.weights.resize(linear.rows * linear.columns);
  RowReader(weight).finite_floats(0, linear.rows, linear.weights.data());
  RowReader(bias).finite_floats(0, linear.rows, linear.bias.data());
  return linear;
}

Linear read_stored(const WeightSource& weight, const WeightSource& bias) {
  WeightSource stored = weight;
  stored.bits.clear();
  return read_linear(stored, bias);
}

Centred centre(const Moments& moments, ThreadPool& pool) {
  const size_t columns = moments.columns;
  if (moments.products.size() != columns * columns || moments.tokens == 0)
    throw Error("INTERNAL", "Moments without products, or of no token, crossed the binding.");
  const auto tokens = static_cast<double>(moments.tokens);
  Centred centred{columns, moments.tokens, moments.sums, moments.products, std::vector<uint8_t>(columns), 0};
  for (size_t i = 0; i < columns; ++i) {
    centred.means[i] /= tokens;
    const double spread = moments.squares[i] - moments.sums[i] * centred.means[i];
    centred.dead[i] = !(spread > kConstant * moments.squares[i]);
  }
  pool.run_ranges(columns, 16, [&](size_t begin, size_t end, size_t) {
    for (size_t i = begin; i < end; ++i) {
      float* row = centred.products.data() + i * columns;
      for (size_t j = 0; j < columns; ++j) {
        const bool dead = centred.dead[i] != 0 || centred.dead[j] != 0;
        // In this order of factors, so that the result stays symmetric.
        row[j] = dead ? 0.0f : static_cast<float>(row[j] - tokens * (centred.means[i] * centred.means[j]));
      }
    }
  });
  for (size_t i = 0; i < columns; ++i)
    centred.mean_diagonal += centred.products[i * columns + i] / static_cast<double>(columns);
  return centred;
}

std::vector<float> centred_cross(const Moments& moments, const Centred& centred, size_t target_row,
                                 size_t rows) {
  const float* first = moments.cross.data() + target_row * centred.columns;
  std::vector<float> cross(first, first + rows * centred.columns);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < centred.columns; ++i) {
      float& value = cross[row * centred.columns + i];
      value = centred.dead[i] != 0
                  ? 0.0f
                  : static_cast<float>(value - moments.targets[target_row + row] * centred.means[i]);
    }
  }
  return cross;
}

Deviation deviation_of(std::span<const float> weights, const Linear& linear, const Centred& centred,
                       const Moments& moments, size_t target_row, ThreadPool& pool) {
  if (moments.rows == 0) return from_itself(weights, linear, centred, pool);
  return from_target(weights, linear, centred, moments, target_row, pool);
}

double share_of(double error, double energy) { return error == 0 ? 0 : error / energy; }

double relative_error(const Linear& before, const Linear& after, const Moments& moments, ThreadPool& pool) {
  const Centred centred = centre(moments, pool);
  const Deviation deviation = from_itself(after.weights, before, centred, pool);
  double error = 0, energy = 0;
  for (size_t row = 0; row < before.rows; ++row) {
    energy += deviation.energies[row];
    const double gap = deviation.gaps[row] + after.bias[row] - before.bias[row];
    error += deviation.errors[row] + static_cast<double>(moments.tokens) * gap * gap;
  }
  return share_of(error, energy);
}

void throw_singular(std::string_view name, const Centred& centred) {
  throw Error("PRUNE_SINGULAR", std::to_string(centred.tokens) +
                                    " tokens of calibration do not determine the " +
                                    std::to_string(centred.columns) + " inputs of " + std::string(name) +
                                    ". Calibrate on more text, or with a larger damping.");
}

}  // namespace twofour::pruning
