#pragma once
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/libraries.h"
#include "cuda/product.h"

namespace twofour::cuda {

/// One of cuBLASLt's ways to compute a product, in the library's own words. Another version or device may
/// read another thing in them.
struct DenseAlgorithm {
  std::array<uint64_t, 8> words{};
  bool operator==(const DenseAlgorithm&) const = default;
};

/// A dense product by cuBLASLt for one shape and number of tokens: descriptors and algorithm, made once.
class DensePlan {
 public:
  /// `library`, `handle` and `bias` are borrowed. With `wanted` where the library takes it for this product,
  /// else with what it deems best. `scales`: of a scaled product. Throws Error CUDA_LIBRARY_FAILED.
  DensePlan(const CublasLt& library, cublasLtHandle_t handle, const ProductShape& shape, size_t tokens,
            const void* bias, size_t workspace_bytes, const std::optional<DenseAlgorithm>& wanted = {},
            const ProductScales& scales = {});

  /// How many algorithms the library offers for this product: from 1 to 8, the one that it deems best first.
  size_t algorithms() const { return found_.size(); }
  void choose(size_t algorithm) { chosen_ = algorithm; }
  DenseAlgorithm chosen() const;

  /// Queues the product of the first `tokens` rows, at most as many as it was made for. Throws Error
  /// CUDA_LIBRARY_FAILED, CUDA_DEVICE_LOST.
  void run(const Operands& operands, size_t tokens, const Workspace& workspace, Stream stream);

 private:
  template <class T>
  using Owned = std::unique_ptr<T, cublasStatus_t (*)(T*)>;

  bool take(const DenseAlgorithm& wanted, size_t workspace_bytes);
  void find(size_t workspace_bytes);
  void resize(size_t tokens);

  const CublasLt& library_;
  cublasLtHandle_t handle_;
  bool whole_sums_, residual_;
  Owned<cublasLtMatmulDescOpaque_t> product_;
  Owned<cublasLtMatrixLayoutOpaque_t> weight_, input_, out_;
  std::vector<cublasLtMatmulHeuristicResult_t> found_;
  size_t chosen_ = 0;
  size_t tokens_;
};

}  // namespace twofour::cuda
