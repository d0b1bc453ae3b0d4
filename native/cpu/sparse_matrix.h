#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "cpu/kernels.h"

namespace twofour::cpu {

/// The nonzeros of W in the order that `Kernels::sparse` reads them: see SparseLists. Immutable.
class SparseMatrix {
 public:
  /// `weight` is [rows, columns], row-major, and only looked at here. Both signs of zero are left out.
  /// Throws std::bad_alloc.
  SparseMatrix(std::span<const float> weight, size_t rows, size_t columns, ThreadPool& pool);

  /// Groups of kSparseRows rows, the last perhaps of fewer.
  size_t groups() const { return starts_.size() - 1; }
  size_t nonzeros() const { return starts_.back(); }
  size_t bytes() const;
  /// Borrowed from this.
  SparseLists lists() const;

 private:
  size_t blocks_;
  std::vector<size_t> starts_;
  std::vector<uint16_t> counts_;
  std::vector<uint8_t> order_;
  std::unique_ptr<float[]> values_;
  std::unique_ptr<uint8_t[]> columns_;
};

}  // namespace twofour::cpu
