#pragma once
#include "backend/backend.h"
#include "base/thread_pool.h"
#include "cpu/buffers.h"

namespace twofour::cpu {

/// The dense fp32 form: W in panels of `panel` rows, each [columns][panel], the last filled up with zeros.
class PackedMatrix final : public PackedLinear {
 public:
  PackedMatrix(const LinearWeights& weights, size_t panel, ThreadPool& pool);

  size_t rows() const override { return rows_; }
  size_t columns() const override { return columns_; }
  size_t nonzeros() const override { return nonzeros_; }
  std::vector<Form> forms() const override;
  std::vector<Choice> choices() const override;

  size_t panels() const { return (rows_ + panel_ - 1) / panel_; }
  const float* values() const { return values_.get(); }
  const float* bias() const { return bias_.get(); }

 private:
  size_t rows_, columns_, panel_, nonzeros_ = 0;
  Buffers::Block values_, bias_;
};

}  // namespace twofour::cpu
