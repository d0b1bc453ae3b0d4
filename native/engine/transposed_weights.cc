#include "engine/transposed_weights.h"

#include <string>
#include <vector>

namespace twofour {
namespace {

class Transposer {
 public:
  Transposer(const WeightSources& sources, Backend& backend, Control& control)
      : sources_(sources), backend_(backend), control_(control) {}

  /// Of the slots' matrices, one below the other.
  std::unique_ptr<PackedLinear> operator()(const std::vector<std::string>& slots) const {
    control_.check();
    std::vector<float> matrix;
    size_t rows = 0, columns = 0;
    for (const std::string& slot : slots) {
      const WeightSource& source = source_of(sources_, slot + ".weight");
      const std::vector<float> some = read_floats(source);
      matrix.insert(matrix.end(), some.begin(), some.end());
      rows += source.result_rows();
      columns = source.result_columns();
    }
    const std::vector<float> zeros(columns);
    const auto read = [&](size_t first, size_t count, float* out) {
      for (size_t column = first; column < first + count; ++column) {
        for (size_t row = 0; row < rows; ++row) *out++ = matrix[row * columns + column];
      }
    };
    return backend_.pack({.weight = {columns, rows, read}, .bias = zeros});
  }

 private:
  const WeightSources& sources_;
  Backend& backend_;
  Control& control_;
};

}  // namespace

TransposedWeights load_transposed(const EncoderSpec& spec, const WeightSources& sources, Backend& backend,
                                  Control& control) {
  const Transposer transposed(sources, backend, control);
  TransposedWeights weights;
  for (const LayerSpec& shape : spec.layers) {
    const auto [place, is_new] = weights.sets.try_emplace(shape.weights);
    if (!is_new) continue;
    const std::string layer = "layers." + std::to_string(shape.weights) + ".";
    place->second = {.query_key_value = transposed({layer + "query", layer + "key", layer + "value"}),
                     .attention_output = transposed({layer + "attentionOutput"}),
                     .ffn_in = transposed({layer + "ffnIn"}),
                     .ffn_out = transposed({layer + "ffnOut"})};
  }
  if (spec.pooler) weights.pooler = transposed({"pooler"});
  if (spec.head) weights.head_output = transposed({"head.output"});
  if (spec.head && spec.head->transform) weights.head_transform = transposed({"head.transform"});
  return weights;
}

}  // namespace twofour
