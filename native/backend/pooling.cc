#include "backend/pooling.h"

#include <algorithm>
#include <cmath>
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
                             {"lastToken", Pooling::last_token}};

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

void scale_row(float* row, size_t width, double factor) {
  for (size_t i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] * factor);
}

}  // namespace

Pooling pooling_from(std::string_view name) {
  for (const Row& row : kPoolings) {
    if (row.name == name) return row.pooling;
  }
  throw Error("INTERNAL", "Unknown pooling " + std::string(name) + " crossed the binding.");
}

void pool_sequence(const float* rows, size_t tokens, size_t width, Pooling pooling, bool normalize,
                   float* out) {
  std::fill_n(out, width, 0.0f);
  if (tokens == 0) return;
  const double count = static_cast<double>(tokens);
  switch (pooling) {
    case Pooling::mean:
      sum_rows(rows, tokens, width, out);
      scale_row(out, width, 1.0 / count);
      break;
    case Pooling::mean_sqrt_length:
      sum_rows(rows, tokens, width, out);
      scale_row(out, width, 1.0 / std::sqrt(count));
      break;
    case Pooling::cls:
      std::copy_n(rows, width, out);
      break;
    case Pooling::last_token:
      std::copy_n(rows + (tokens - 1) * width, width, out);
      break;
    case Pooling::max:
      std::copy_n(rows, width, out);
      for (size_t token = 1; token < tokens; ++token) {
        for (size_t i = 0; i < width; ++i) out[i] = std::max(out[i], rows[token * width + i]);
      }
      break;
  }
  if (!normalize) return;
  double squares = 0;
  for (size_t i = 0; i < width; ++i) squares += static_cast<double>(out[i]) * out[i];
  if (squares > 0) scale_row(out, width, 1.0 / std::sqrt(squares));
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
  }
}

}  // namespace twofour
