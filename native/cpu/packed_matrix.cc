#include "cpu/packed_matrix.h"

#include <algorithm>
#include <atomic>

namespace twofour::cpu {

PackedMatrix::PackedMatrix(const LinearWeights& weights, size_t panel, ThreadPool& pool)
    : rows_(weights.rows), columns_(weights.columns), panel_(panel) {
  values_ = Buffers::allocate(panels() * panel_ * columns_);
  bias_ = Buffers::allocate(panels() * panel_);
  std::fill_n(std::copy_n(weights.bias.begin(), rows_, bias_.get()), panels() * panel_ - rows_, 0.0f);
  std::atomic<size_t> nonzeros{0};
  pool.run(panels(), [&](size_t index, size_t) {
    float* to = values_.get() + index * panel_ * columns_;
    size_t here = 0;
    for (size_t r = 0; r < panel_; ++r) {
      const size_t row = index * panel_ + r;
      for (size_t k = 0; k < columns_; ++k) {
        const float value = row < rows_ ? weights.weight[row * columns_ + k] : 0.0f;
        here += value != 0.0f;
        to[k * panel_ + r] = value;
      }
    }
    nonzeros += here;
  });
  nonzeros_ = nonzeros;
}

std::vector<PackedLinear::Form> PackedMatrix::forms() const {
  return {{"float32", panels() * panel_ * (columns_ + 1) * sizeof(float)}};
}

std::vector<PackedLinear::Choice> PackedMatrix::choices() const {
  const char* reason =
      nonzeros_ == rows_ * columns_
          ? "The matrix has no zeros."
          : "The CPU backend holds the dense form only, so zeros cost as much as other weights.";
  return {{std::nullopt, "float32", std::nullopt, std::nullopt, reason}};
}

}  // namespace twofour::cpu
