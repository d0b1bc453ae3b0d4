#include <cmath>
#include <string>

#include "base/error.h"
#include "pruning/scores.h"

namespace twofour::pruning {
namespace {

/// (Σx²)^power of each column.
std::vector<float> column_norms(const Scored& matrix, double power) {
  if (matrix.moments == nullptr || matrix.moments->squares.size() != matrix.source.stored_columns())
    throw Error("INTERNAL",
                "A score of activations was asked for without those of " + matrix.source.name + ".");
  std::vector<float> norms;
  for (const double square : matrix.moments->squares)
    norms.push_back(static_cast<float>(std::pow(square, power)));
  return norms;
}

/// Runs body(row, column, weight) over part of a matrix.
template <class Body>
void for_weights(size_t columns, size_t begin, std::span<float> weights, Body&& body) {
  if (columns == 0) return;
  size_t row = begin / columns, column = begin % columns;
  for (float& weight : weights) {
    body(row, column, weight);
    if (++column == columns) {
      column = 0;
      ++row;
    }
  }
}

/// One over Σ|w|; 0 where there is nothing, whose weights are all 0.
float reciprocal(double sum) { return sum > 0 ? static_cast<float>(1 / sum) : 0.0f; }

}  // namespace

Score wanda(const Scored& matrix) {
  return [norms = column_norms(matrix, 0.5)](size_t begin, std::span<float> weights) {
    for_weights(norms.size(), begin, weights,
                [&](size_t, size_t column, float& weight) { weight = std::fabs(weight) * norms[column]; });
  };
}

Score ria(const Scored& matrix) {
  constexpr double kPower = 0.5;
  const std::vector<float> norms = column_norms(matrix, kPower / 2);
  std::vector<float> rows, columns, line(norms.size());
  std::vector<double> column_sums(norms.size());
  const RowReader reader(matrix.source);
  for (size_t row = 0; row < matrix.source.stored_rows(); ++row) {
    reader.finite_floats(row, 1, line.data());
    double sum = 0;
    for (size_t column = 0; column < line.size(); ++column) {
      sum += std::fabs(line[column]);
      column_sums[column] += std::fabs(line[column]);
    }
    rows.push_back(reciprocal(sum));
  }
  for (const double sum : column_sums) columns.push_back(reciprocal(sum));
  return [=](size_t begin, std::span<float> weights) {
    for_weights(norms.size(), begin, weights, [&](size_t row, size_t column, float& weight) {
      weight = std::fabs(weight) * (rows[row] + columns[column]) * norms[column];
    });
  };
}

}  // namespace twofour::pruning
