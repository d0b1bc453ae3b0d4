#include "plain/attention_weights.h"

#include <cmath>

namespace twofour::plain {

std::vector<double> attention_weights(const PlainActivations& qkv, const Attention& attention, size_t head,
                                      size_t begin, size_t end, size_t query) {
  const size_t size = attention.head_size, model = attention.heads * size;
  std::vector<double> weights(end - begin);
  double highest = -INFINITY, total = 0;
  for (size_t key = begin; key < end; ++key) {
    double score = 0;
    for (size_t i = 0; i < size; ++i) {
      score += static_cast<double>(qkv.row(query)[head * size + i]) * qkv.row(key)[model + head * size + i];
    }
    score *= attention.scale;
    if (attention.bias != nullptr) {
      const auto& table = static_cast<const PlainTable&>(*attention.bias);
      score += table.values[head * table.width + attention.span - 1 + key - query];
    }
    weights[key - begin] = score;
    highest = std::max(highest, score);
  }
  for (double& weight : weights) total += weight = std::exp(weight - highest);
  for (double& weight : weights) weight /= total;
  return weights;
}

}  // namespace twofour::plain
