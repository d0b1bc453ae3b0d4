#include "backend/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace twofour {
namespace {

struct Row {
  std::string_view name;
  Pooling pooling;
};

constexpr Row kPoolings[] = {{"mean", Pooling::mean},
                             {"cls", Pooling::cls},
                             {"max", Pooling::max},
                             {"meanSqrtLength", Pooling::mean_sqrt_length},
                             {"lastToken", Pooling::last_token},
                             {"weightedMean", Pooling::weighted_mean}};

void sum_rows(const float* rows, size_t tokens, size_t width, float* out) {
  for (size_t token = 0; token < tokens; ++token) {
    for (size_t i = 0; i < width; ++i) out[i] += rows[token * width + i];
  }
}

void spread_row(const float* gradient, size_t tokens, size_t width, double factor, float* out) {
  for (size_t token = 0; token < tokens; ++token) {
    for (size_t i = 0; i < width; ++i) out[token * width + i] = static_cast<float>(gradient[i] * factor);
  }
}

/// The weight of the row at `place` of a sequence is place + 1.
void weigh_rows(const float* rows, size_t first, size_t tokens, size_t width, float* out) {
  double total = 0;
  for (size_t place = first; place < tokens; ++place) total += static_cast<double>(place + 1);
  for (size_t place = first; place < tokens; ++place) {
    const double weight = static_cast<double>(place + 1) / total;
    for (size_t i = 0; i < width; ++i) out[i] += static_cast<float>(rows[place * width + i] * weight);
  }
}

void largest_of_rows(const float* rows, size_t tokens, size_t width, float* out) {
  std::copy_n(rows, width, out);
  for (size_t token = 1; token < tokens; ++token) {
    for (size_t i = 0; i < width; ++i) out[i] = std::max(out[i], rows[token * width + i]);
  }
}

void scale_row(float* row, size_t width, double factor) {
  for (size_t i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] * factor);
}

/// Rows [skip, tokens), of which there is at least one, into `out`, which is zeros.
void pool_kept(const float* rows, size_t skip, size_t tokens, size_t width, Pooling pooling, float* out) {
  const float* first = rows + skip * width;
  const size_t kept = tokens - skip;
  switch (pooling) {
    case Pooling::mean:
      sum_rows(first, kept, width, out);
      return scale_row(out, width, 1.0 / static_cast<double>(kept));
    case Pooling::mean_sqrt_length:
      sum_rows(first, kept, width, out);
      return scale_row(out, width, 1.0 / std::sqrt(static_cast<double>(kept)));
    case Pooling::cls:
      std::copy_n(first, width, out);
      return;
    case Pooling::last_token:
      std::copy_n(rows + (tokens - 1) * width, width, out);
      return;
    case Pooling::max:
      return largest_of_rows(first, kept, width, out);
    case Pooling::weighted_mean:
      return weigh_rows(rows, skip, tokens, width, out);
  }
}

}  // namespace

Pooling pooling_from(std::string_view name) {
  for (const Row& row : kPoolings) {
    if (row.name == name) return row.pooling;
  }
  throw Error("INTERNAL", "Unknown pooling " + std::string(name) + " crossed the binding.");
}

void pool_sequence(const float* rows, size_t tokens, size_t width, const PoolRule& rule, float* out) {
  std::fill_n(out, width, 0.0f);
  if (tokens == 0) return;
  const size_t skip = std::min<size_t>(rule.skip, tokens), kept = tokens - skip;
  if (kept == 0) {
    if (rule.pooling == Pooling::max) std::fill_n(out, width, -std::numeric_limits<float>::infinity());
    if (rule.pooling == Pooling::cls) std::copy_n(rows, width, out);
  } else {
    pool_kept(rows, skip, tokens, width, rule.pooling, out);
  }
  if (rule.normalize) scale_to_length(out, width);
}

void scale_to_length(float* row, size_t width) {
  double squares = 0;
  for (size_t i = 0; i < width; ++i) squares += static_cast<double>(row[i]) * row[i];
  if (squares > 0) scale_row(row, width, 1.0 / std::sqrt(squares));
}

void pool_sequence_backward(const float* rows, size_t tokens, size_t width, Pooling pooling,
                            const float* gradient, float* out) {
  if (tokens == 0) return;
  const double count = static_cast<double>(tokens);
  std::fill_n(out, tokens * width, 0.0f);
  switch (pooling) {
    case Pooling::mean:
      return spread_row(gradient, tokens, width, 1.0 / count, out);
    case Pooling::mean_sqrt_length:
      return spread_row(gradient, tokens, width, 1.0 / std::sqrt(count), out);
    case Pooling::cls:
      std::copy_n(gradient, width, out);
      return;
    case Pooling::last_token:
      std::copy_n(gradient, width, out + (tokens - 1) * width);
      return;
    case Pooling::max:
      for (size_t i = 0; i < width; ++i) {
        size_t largest = 0;
        for (size_t token = 1; token < tokens; ++token) {
          if (rows[token * width + i] > rows[largest * width + i]) largest = token;
        }
        out[largest * width + i] = gradient[i];
      }
      return;
    case Pooling::weighted_mean:
      for (size_t token = 0; token < tokens; ++token) {
        const double weight = 2.0 * static_cast<double>(token + 1) / (count * (count + 1));
        spread_row(gradient, 1, width, weight, out + token * width);
      }
      return;
  }
}

}  // namespace twofour
