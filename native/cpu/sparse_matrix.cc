#include "cpu/sparse_matrix.h"

#include <algorithm>
#include <numeric>

namespace twofour::cpu {
namespace {

/// One depth block of one group of rows.
struct Part {
  const float* weight;
  size_t rows, depth, stride;

  const float* row(size_t index) const { return weight + index * stride; }
};

size_t count_nonzeros(const float* row, size_t depth) {
  size_t count = 0;
  for (size_t k = 0; k < depth; ++k) count += row[k] != 0.0f;
  return count;
}

/// counts[i] becomes the nonzeros of row order[i]; rows with most come first. Returns their sum.
size_t arrange(const Part& part, uint16_t* counts, uint8_t* order) {
  uint16_t by_row[kSparseRows] = {};
  size_t total = 0;
  for (size_t row = 0; row < part.rows; ++row) {
    by_row[row] = static_cast<uint16_t>(count_nonzeros(part.row(row), part.depth));
    total += by_row[row];
  }
  std::iota(order, order + kSparseRows, uint8_t{0});
  std::stable_sort(order, order + kSparseRows, [&](uint8_t a, uint8_t b) { return by_row[a] > by_row[b]; });
  for (size_t i = 0; i < kSparseRows; ++i) counts[i] = by_row[order[i]];
  return total;
}

/// Returns how many nonzeros it wrote.
size_t write(const Part& part, const uint8_t* order, float* values, uint8_t* columns) {
  size_t count = 0;
  for (size_t i = 0; i < kSparseRows; ++i) {
    if (order[i] >= part.rows) continue;
    const float* row = part.row(order[i]);
    for (size_t k = 0; k < part.depth; ++k) {
      if (row[k] == 0.0f) continue;
      values[count] = row[k];
      columns[count++] = static_cast<uint8_t>(k);
    }
  }
  return count;
}

}  // namespace

SparseMatrix::SparseMatrix(std::span<const float> weight, size_t rows, size_t columns, ThreadPool& pool)
    : blocks_((columns + kSparseDepth - 1) / kSparseDepth),
      starts_((rows + kSparseRows - 1) / kSparseRows + 1),
      counts_(groups() * blocks_ * kSparseRows),
      order_(counts_.size()) {
  const auto part = [&](size_t group, size_t block) {
    const size_t row = group * kSparseRows, column = block * kSparseDepth;
    return Part{weight.data() + row * columns + column, std::min(kSparseRows, rows - row),
                std::min(kSparseDepth, columns - column), columns};
  };
  pool.run(groups(), [&](size_t group, size_t) {
    for (size_t block = 0; block < blocks_; ++block) {
      const size_t first = (group * blocks_ + block) * kSparseRows;
      starts_[group + 1] += arrange(part(group, block), &counts_[first], &order_[first]);
    }
  });
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  values_ = std::make_unique_for_overwrite<float[]>(nonzeros());
  columns_ = std::make_unique_for_overwrite<uint8_t[]>(nonzeros());
  pool.run(groups(), [&](size_t group, size_t) {
    size_t at = starts_[group];
    for (size_t block = 0; block < blocks_; ++block) {
      const uint8_t* order = &order_[(group * blocks_ + block) * kSparseRows];
      at += write(part(group, block), order, values_.get() + at, columns_.get() + at);
    }
  });
}

size_t SparseMatrix::bytes() const {
  return nonzeros() * (sizeof(float) + sizeof(uint8_t)) + starts_.size() * sizeof(size_t) +
         counts_.size() * (sizeof(uint16_t) + sizeof(uint8_t));
}

SparseLists SparseMatrix::lists() const {
  return {blocks_, starts_.data(), counts_.data(), order_.data(), values_.get(), columns_.get()};
}

}  // namespace twofour::cpu
