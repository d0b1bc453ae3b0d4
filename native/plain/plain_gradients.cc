#include <cmath>

#include "plain/attention_weights.h"
#include "plain/plain_analysis.h"

namespace twofour::plain {
namespace {

double product(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// One head of one sequence: adds to the gradients of its tokens [begin, end), a row for each token.
void attend_backward(const PlainActivations& qkv, const Attention& attention, size_t head, size_t begin,
                     size_t end, const PlainActivations& gradient, std::vector<std::vector<double>>& out) {
  const size_t size = attention.head_size, model = attention.heads * size, first = head * size;
  for (size_t query = begin; query < end; ++query) {
    const std::vector<double> weights = attention_weights(qkv, attention, head, begin, end, query);
    const float* upper = gradient.row(query) + first;
    std::vector<double> slopes(weights.size());
    double mean = 0;
    for (size_t key = begin; key < end; ++key) {
      slopes[key - begin] = product(upper, qkv.row(key) + 2 * model + first, size);
      mean += weights[key - begin] * slopes[key - begin];
    }
    for (size_t key = begin; key < end; ++key) {
      const double weight = weights[key - begin];
      const double score = weight * (slopes[key - begin] - mean) * attention.scale;
      for (size_t i = first; i < first + size; ++i) {
        out[query - begin][i] += score * qkv.row(key)[model + i];
        out[key - begin][model + i] += score * qkv.row(query)[i];
        out[key - begin][2 * model + i] += weight * upper[i - first];
      }
    }
  }
}

}  // namespace

void PlainAnalysis::activate_backward(const Activations& in, Activation activation,
                                      const Activations& gradient, Activations& out) {
  std::vector<double> row(in.width());
  for (size_t token = 0; token < in.tokens(); ++token) {
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = own(gradient).row(token)[i] * activation_slope(activation, own(in).row(token)[i]);
    own(out).write_row(token, row);
  }
}

void PlainAnalysis::dot_groups(const Activations& a, const Activations& b, size_t group, Activations& out) {
  std::vector<double> row(out.width());
  for (size_t token = 0; token < a.tokens(); ++token) {
    for (size_t g = 0; g < row.size(); ++g)
      row[g] = product(own(a).row(token) + g * group, own(b).row(token) + g * group, group);
    own(out).write_row(token, row);
  }
}

void PlainAnalysis::layer_norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                                        Activations& out) {
  const auto& values = static_cast<const PlainNorm&>(norm);
  const size_t width = in.width();
  const auto count = static_cast<double>(width);
  std::vector<double> row(width);
  for (size_t token = 0; token < in.tokens(); ++token) {
    const float *x = own(in).row(token), *upper = own(gradient).row(token);
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; ++i) mean += x[i] / count;
    for (size_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean) / count;
    const double deviation = std::sqrt(variance + values.epsilon);
    double along_one = 0, along_row = 0;
    for (size_t i = 0; i < width; ++i) {
      const double slope = static_cast<double>(upper[i]) * values.gain[i];
      along_one += slope / count;
      along_row += slope * (x[i] - mean) / deviation / count;
    }
    for (size_t i = 0; i < width; ++i) {
      const double slope = static_cast<double>(upper[i]) * values.gain[i];
      row[i] = (slope - along_one - (x[i] - mean) / deviation * along_row) / deviation;
    }
    own(out).write_row(token, row);
  }
}

void PlainAnalysis::attention_backward(const Batch& batch, const Activations& qkv, const Attention& attention,
                                       const Activations& gradient, Activations& out) {
  const std::vector<int32_t>& offsets = own(batch).offsets;
  for (size_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
    const auto begin = static_cast<size_t>(offsets[sequence]),
               end = static_cast<size_t>(offsets[sequence + 1]);
    std::vector rows(end - begin, std::vector<double>(out.width()));
    for (size_t head = 0; head < attention.heads; ++head)
      attend_backward(own(qkv), attention, head, begin, end, own(gradient), rows);
    for (size_t token = begin; token < end; ++token) own(out).write_row(token, rows[token - begin]);
  }
}

}  // namespace twofour::plain
