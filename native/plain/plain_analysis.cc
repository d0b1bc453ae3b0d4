#include "plain/plain_analysis.h"

#include "plain/attention_weights.h"

namespace twofour::plain {
namespace {

/// out[token, i] = value(token, i).
template <class Value>
void fill(Activations& out, const Value& value) {
  std::vector<double> row(out.width());
  for (size_t token = 0; token < out.tokens(); ++token) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = value(token, i);
    own(out).write_row(token, row);
  }
}

}  // namespace

void PlainAnalysis::add_products(const Activations& a, const Activations& b, std::span<float> sums) {
  for (size_t i = 0; i < a.width(); ++i) {
    for (size_t j = 0; j < b.width(); ++j) {
      double sum = 0;
      for (size_t token = 0; token < a.tokens(); ++token)
        sum += static_cast<double>(own(a).row(token)[i]) * own(b).row(token)[j];
      float& total = sums[i * b.width() + j];
      total = static_cast<float>(total + sum);
    }
  }
}

void PlainAnalysis::activate(const Activations& in, Activation activation, Activations& out) {
  fill(out, [&](size_t token, size_t i) { return twofour::activate(activation, own(in).row(token)[i]); });
}

void PlainAnalysis::scale_groups(const Activations& in, std::span<const float> factors, size_t group,
                                 Activations& out) {
  fill(out, [&](size_t token, size_t i) {
    return static_cast<double>(own(in).row(token)[i]) * factors[i / group];
  });
}

void PlainAnalysis::add(const Activations& a, const Activations& b, Activations& out) {
  fill(out, [&](size_t token, size_t i) {
    return static_cast<double>(own(a).row(token)[i]) + own(b).row(token)[i];
  });
}

void PlainAnalysis::attention_probabilities(const Batch& batch, size_t sequence, const Activations& qkv,
                                            const Attention& attention, std::span<float> out) {
  const std::vector<int32_t>& offsets = own(batch).offsets;
  const auto begin = static_cast<size_t>(offsets[sequence]), end = static_cast<size_t>(offsets[sequence + 1]);
  auto to = out.begin();
  for (size_t head = 0; head < attention.heads; ++head) {
    for (size_t query = begin; query < end; ++query) {
      const std::vector<double> weights = attention_weights(own(qkv), attention, head, begin, end, query);
      to = std::copy(weights.begin(), weights.end(), to);
    }
  }
}

}  // namespace twofour::plain
