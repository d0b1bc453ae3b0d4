#include "engine/gate_sums.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace twofour {

GateLayout::GateLayout(const std::vector<LayerSpec>& layers, const std::vector<size_t>& widths, bool shared)
    : group_of(layers.size()) {
  std::iota(group_of.begin(), group_of.end(), size_t{0});
  if (shared) {
    std::vector<size_t> sets;
    for (const LayerSpec& layer : layers) sets.push_back(layer.weights);
    std::ranges::sort(sets);
    sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
    for (size_t layer = 0; layer < layers.size(); ++layer)
      group_of[layer] =
          static_cast<size_t>(std::ranges::lower_bound(sets, layers[layer].weights) - sets.begin());
  }
  std::vector<size_t> sizes;
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    sizes.resize(std::max(sizes.size(), group_of[layer] + 1));
    sizes[group_of[layer]] = widths[layer];
  }
  first.resize(sizes.size() + 1);
  std::partial_sum(sizes.begin(), sizes.end(), first.begin() + 1);
}

GateSums::GateSums(GateLayout layout, size_t examples, size_t batches, bool rows)
    : layout_(std::move(layout)), rows_(rows), products_(layout_.first.size() - 1) {
  const size_t units = layout_.first.back();
  batch_.resize(units);
  for (std::vector<double>* sums : {&out_.per_token, &out_.per_example, &out_.per_batch, &out_.sum,
                                    &out_.example_squares, &out_.batch_squares})
    sums->resize(units);
  if (!rows) return;
  out_.examples.resize(examples * units);
  out_.batches.resize(batches * units);
}

void GateSums::add(size_t layer, std::vector<float> products) {
  std::vector<float>& sums = products_[layout_.group_of[layer]];
  if (sums.empty()) {
    sums = std::move(products);
    return;
  }
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += products[i];
}

void GateSums::end_slice(std::span<const size_t> offsets) {
  const size_t all = layout_.first.back();
  for (size_t group = 0; group < products_.size(); ++group) {
    const size_t first = layout_.first[group], units = layout_.first[group + 1] - first;
    if (products_[group].empty()) continue;
    for (size_t i = 0; i + 1 < offsets.size(); ++i) {
      float* row = rows_ ? out_.examples.data() + (examples_done_ + i) * all + first : nullptr;
      reduce_example(products_[group].data() + offsets[i] * units, offsets[i + 1] - offsets[i], first, units,
                     row);
    }
    products_[group].clear();
  }
  examples_done_ += offsets.size() - 1;
}

void GateSums::reduce_example(const float* products, size_t tokens, size_t first, size_t units, float* row) {
  example_.assign(units, 0.0);
  double* per_token = out_.per_token.data() + first;
  for (size_t token = 0; token < tokens; ++token, products += units) {
    for (size_t i = 0; i < units; ++i) {
      const double product = products[i];
      example_[i] += product;
      per_token[i] += std::abs(product);
    }
  }
  for (size_t i = 0; i < units; ++i) {
    const double sum = example_[i];
    out_.per_example[first + i] += std::abs(sum);
    out_.example_squares[first + i] += sum * sum;
    out_.sum[first + i] += sum;
    batch_[first + i] += sum;
    if (row != nullptr) row[i] = static_cast<float>(sum);
  }
}

void GateSums::end_batch() {
  for (size_t i = 0; i < batch_.size(); ++i) {
    out_.per_batch[i] += std::abs(batch_[i]);
    out_.batch_squares[i] += batch_[i] * batch_[i];
    if (rows_) out_.batches[batches_done_ * batch_.size() + i] = static_cast<float>(batch_[i]);
  }
  ++batches_done_;
  std::ranges::fill(batch_, 0.0);
}

}  // namespace twofour
