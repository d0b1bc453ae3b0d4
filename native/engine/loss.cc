#include "engine/loss.h"

#include <algorithm>
#include <cmath>

namespace twofour {
namespace {

std::vector<double> log_softmax(std::vector<double> row) {
  if (row.empty()) return row;
  const double highest = *std::max_element(row.begin(), row.end());
  double total = 0;
  for (const double x : row) total += std::exp(x - highest);
  const double level = highest + std::log(total);
  for (double& x : row) x -= level;
  return row;
}

/// Of a row that is divided by `temperature`.
std::vector<double> log_softmax(std::span<const float> row, double temperature = 1) {
  std::vector<double> scaled(row.begin(), row.end());
  for (double& x : scaled) x /= temperature;
  return log_softmax(std::move(scaled));
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A vector as its direction, zeros where it has none, and its length.
struct Direction {
  explicit Direction(std::vector<double> from) : unit(std::move(from)), length(std::sqrt(dot(unit, unit))) {
    for (double& x : unit) x = length > 0 ? x / length : 0;
  }
  /// The gradient by the vector, from the one by its direction.
  std::vector<double> backward(std::span<const double> gradient) const {
    const double along = dot(unit, gradient);
    std::vector<double> out(unit.size());
    for (size_t i = 0; i < out.size() && length > 0; ++i) out[i] = (gradient[i] - unit[i] * along) / length;
    return out;
  }
  std::vector<double> unit;
  double length;
};

void store(std::span<const double> from, std::span<float> to) {
  std::copy(from.begin(), from.end(), to.begin());
}

/// One column of a sequence's logits [tokens, 2]: half of the cross-entropy over its tokens.
double span_column(std::span<const float> values, std::span<float> gradient, size_t column, int32_t label) {
  std::vector<double> logits;
  for (size_t i = column; i < values.size(); i += 2) logits.push_back(values[i]);
  if (label < 0) {
    for (size_t i = column; i < values.size(); i += 2) gradient[i] = 0;
    return 0;
  }
  const std::vector<double> logs = log_softmax(std::move(logits));
  const auto hit = static_cast<size_t>(label);
  for (size_t token = 0; token < logs.size(); ++token)
    gradient[2 * token + column] = static_cast<float>(0.5 * (std::exp(logs[token]) - (token == hit)));
  return -0.5 * logs[hit];
}

/// Directions of vectors [rows, width] less their mean.
std::vector<Direction> centred(std::span<const float> vectors, size_t width) {
  const size_t rows = width == 0 ? 0 : vectors.size() / width;
  std::vector<double> mean(width);
  for (size_t i = 0; i < vectors.size(); ++i) mean[i % width] += vectors[i] / static_cast<double>(rows);
  std::vector<Direction> out;
  for (size_t row = 0; row < rows; ++row) {
    std::vector<double> vector(width);
    for (size_t i = 0; i < width; ++i) vector[i] = vectors[row * width + i] - mean[i];
    out.emplace_back(std::move(vector));
  }
  return out;
}

/// log softmax of scale · cosines of one direction with the others.
std::vector<double> log_neighbours(const std::vector<Direction>& all, size_t row, double scale) {
  std::vector<double> scores;
  for (size_t other = 0; other < all.size(); ++other) {
    if (other != row) scores.push_back(scale * dot(all[row].unit, all[other].unit));
  }
  return log_softmax(std::move(scores));
}

}  // namespace

void CrossEntropy::evaluate(const LossBlock& block) const {
  for (size_t i = 0; i < block.rows.size(); ++i) {
    const std::vector<double> logs = log_softmax(block.row(i));
    const auto label = static_cast<size_t>(labels[block.rows[i]]);
    const std::span<float> gradient = block.gradient_row(i);
    for (size_t j = 0; j < logs.size(); ++j)
      gradient[j] = static_cast<float>(std::exp(logs[j]) - (j == label));
    block.losses[block.sequences[i]] -= logs[label];
  }
}

void SpanLoss::evaluate(const LossBlock& block) const {
  for (size_t i = 0; i < block.rows.size();) {
    const size_t sequence = block.sequences[i], begin = i;
    while (i < block.rows.size() && block.sequences[i] == sequence) ++i;
    const auto values = block.values.subspan(begin * 2, (i - begin) * 2);
    const auto gradient = block.gradient.subspan(begin * 2, (i - begin) * 2);
    block.losses[sequence] +=
        span_column(values, gradient, 0, starts[sequence]) + span_column(values, gradient, 1, ends[sequence]);
  }
}

void Divergence::evaluate(const LossBlock& block) const {
  for (size_t i = 0; i < block.rows.size(); ++i) {
    const auto target = std::span(targets).subspan(block.rows[i] * block.width, block.width);
    const std::vector<double> wanted = log_softmax(target, temperature),
                              logs = log_softmax(block.row(i), temperature);
    const std::span<float> gradient = block.gradient_row(i);
    double loss = 0;
    for (size_t j = 0; j < logs.size(); ++j) {
      loss += std::exp(wanted[j]) * (wanted[j] - logs[j]);
      gradient[j] = static_cast<float>(temperature * (std::exp(logs[j]) - std::exp(wanted[j])));
    }
    block.losses[block.sequences[i]] += temperature * temperature * loss;
  }
}

void Squares::evaluate(const LossBlock& block) const {
  const auto count = static_cast<double>(block.width);
  for (size_t i = 0; i < block.rows.size(); ++i) {
    const auto target = std::span(targets).subspan(block.rows[i] * block.width, block.width);
    for (size_t j = 0; j < block.width; ++j) {
      const double difference = static_cast<double>(block.row(i)[j]) - target[j];
      block.losses[block.sequences[i]] += difference * difference / count;
      block.gradient_row(i)[j] = static_cast<float>(2 * difference / count);
    }
  }
}

void Cosine::evaluate(const LossBlock& block) const {
  for (size_t i = 0; i + 1 < block.rows.size(); i += 2) {
    const auto vector = [&](size_t row) { return Direction({block.row(row).begin(), block.row(row).end()}); };
    const Direction a = vector(i), b = vector(i + 1);
    const size_t pair = block.sequences[i] / 2;
    const double difference = dot(a.unit, b.unit) - targets[pair];
    block.losses[pair] += difference * difference;
    const auto toward = [&](std::vector<double> other) {
      for (double& x : other) x *= 2 * difference;
      return other;
    };
    store(a.backward(toward(b.unit)), block.gradient_row(i));
    store(b.backward(toward(a.unit)), block.gradient_row(i + 1));
  }
}

void Similarity::evaluate(const LossBlock& block) const {
  const size_t rows = block.rows.size(), width = block.width;
  if (rows == 0) return;
  const std::vector<Direction> now = centred(block.values, width),
                               then = centred(std::span(vectors).subspan(block.rows[0] * width, rows * width),
                                              width);
  std::vector<std::vector<double>> by_unit(rows, std::vector<double>(width));
  for (size_t row = 0; row < rows; ++row) {
    const std::vector<double> wanted = log_neighbours(then, row, scale),
                              logs = log_neighbours(now, row, scale);
    for (size_t at = 0; at < logs.size(); ++at) {
      const size_t other = at < row ? at : at + 1;
      block.losses[block.sequences[row]] +=
          std::exp(wanted[at]) * (wanted[at] - logs[at]) / static_cast<double>(rows);
      const double slope = scale * (std::exp(logs[at]) - std::exp(wanted[at])) / static_cast<double>(rows);
      for (size_t i = 0; i < width; ++i) {
        by_unit[row][i] += slope * now[other].unit[i];
        by_unit[other][i] += slope * now[row].unit[i];
      }
    }
  }
  std::vector<double> mean(width);
  for (size_t row = 0; row < rows; ++row) {
    by_unit[row] = now[row].backward(by_unit[row]);
    for (size_t i = 0; i < width; ++i) mean[i] += by_unit[row][i] / static_cast<double>(rows);
  }
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < width; ++i) by_unit[row][i] -= mean[i];
    store(by_unit[row], block.gradient_row(row));
  }
}

}  // namespace twofour
