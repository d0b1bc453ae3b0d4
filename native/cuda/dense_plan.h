#pragma once
#include <memory>
#include <vector>

#include "cuda/libraries.h"
#include "cuda/product.h"

namespace twofour::cuda {

/// A dense product by cuBLASLt for one shape and number of tokens: descriptors and algorithm, made once.
class DensePlan {
 public:
  /// `library`, `handle` and `bias` are borrowed. Throws Error CUDA_LIBRARY_FAILED.
  DensePlan(const CublasLt& library, cublasLtHandle_t handle, const ProductShape& shape, size_t tokens,
            const void* bias, size_t workspace_bytes, const ProductScales& scales = {});

  /// How many algorithms the library offers for this product: from 1 to 8, the one that it deems best first.
  size_t algorithms() const { return found_.size(); }
  void choose(size_t algorithm) { chosen_ = algorithm; }

  /// Queues the product. Throws Error CUDA_LIBRARY_FAILED, CUDA_DEVICE_LOST.
  void run(const Operands& operands, const Workspace& workspace, Stream stream) const;

 private:
  template <class T>
  using Owned = std::unique_ptr<T, cublasStatus_t (*)(T*)>;

  void find(size_t workspace_bytes);

  const CublasLt& library_;
  cublasLtHandle_t handle_;
  bool whole_sums_, residual_;
  Owned<cublasLtMatmulDescOpaque_t> product_;
  Owned<cublasLtMatrixLayoutOpaque_t> weight_, input_, out_;
  std::vector<cublasLtMatmulHeuristicResult_t> found_;
  size_t chosen_ = 0;
};

}  // namespace twofour::cuda
