#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "cuda/libraries.h"
#include "cuda/product.h"

namespace twofour::cuda {

/// One of cuSPARSELt's ways to compute a product. Numbers mean another thing in another version.
struct SparseAlgorithm {
  int id = 0;
  int split_k = 1;
  int split_k_mode = CUSPARSELT_INVALID_MODE;  ///< Invalid: left as it is.
  bool operator==(const SparseAlgorithm&) const = default;
};

/// A product whose W is 2:4 and compressed, by cuSPARSELt, for one shape and number of tokens. The library's
/// structs refer to one another, so that a plan is neither copied nor moved.
class SparsePlan {
 public:
  /// `library`, `handle` and `bias` are borrowed. Throws Error CUDA_LIBRARY_FAILED.
  SparsePlan(const CusparseLt& library, const cusparseLtHandle_t& handle, const ProductShape& shape,
             size_t tokens, const void* bias, const SparseAlgorithm& algorithm,
             const ProductScales& scales = {});
  ~SparsePlan();
  SparsePlan(const SparsePlan&) = delete;
  SparsePlan& operator=(const SparsePlan&) = delete;

  size_t workspace_bytes() const { return workspace_bytes_; }
  /// Ids of algorithms for this product are below this.
  int algorithm_ids() const;

  struct CompressedBytes {
    size_t result, scratch;
  };
  CompressedBytes compressed_bytes() const;
  /// Queues the compression of a dense W that is 2:4. Plans over the same W but another number of tokens, or
  /// another algorithm, take the result too.
  void compress(const void* dense, void* result, void* scratch, Stream stream) const;

  /// Queues the product with the compressed W. Throws Error CUDA_LIBRARY_FAILED, CUDA_DEVICE_LOST.
  void run(const Operands& operands, const Workspace& workspace, Stream stream) const;

 private:
  void describe(const ProductShape& shape, size_t tokens, const void* bias);
  void select(const SparseAlgorithm& algorithm);
  void destroy();

  const CusparseLt& library_;
  const cusparseLtHandle_t& handle_;
  bool residual_;
  const float* row_scales_;
  size_t workspace_bytes_ = 0;
  cusparseLtMatDescriptor_t weight_{}, input_{}, out_{};
  cusparseLtMatmulDescriptor_t product_{};
  cusparseLtMatmulAlgSelection_t selection_{};
  cusparseLtMatmulPlan_t plan_{};
  /// What must be destroyed: each is set once its struct was made.
  bool has_weight_ = false, has_input_ = false, has_out_ = false, has_selection_ = false, has_plan_ = false;
};

}  // namespace twofour::cuda
