#pragma once
#include <memory>

#include "base/thread_pool.h"
#include "cpu/linear_form.h"

namespace twofour::cpu {

class DenseForm : public LinearForm {
 public:
  /// Weights that are not zero, before rounding: counted while it is packed.
  virtual size_t nonzeros() const = 0;
};

/// W in panels of `Kernels::panel` rows, each [words of a row][panel] words, the last filled up with zeros.
/// Formats that the processor has no instruction for are rounded and multiplied in fp32.
std::unique_ptr<DenseForm> make_dense_form(const LinearWeights& weights, const Kernels& kernels,
                                           ThreadPool& pool);

}  // namespace twofour::cpu
