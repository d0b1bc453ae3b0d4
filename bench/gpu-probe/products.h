#pragma once
#include <memory>
#include <vector>

#include "numbers.h"
#include "session.h"

namespace probe {

enum class Activation { none, relu, gelu };

/// D = activation(W·X + bias) + C·beta. W [rows, columns], X [tokens, columns], C and D [tokens, rows], all
/// row-major: what twofour's plugin multiplies.
struct Problem {
  Number input, output;
  size_t rows, columns, tokens;
  bool bias = false;
  Activation activation = Activation::none;
  bool residual = false;
  Number bias_number = Number::float32;
  /// float16 sums of float16, where the library has them.
  bool half_sums = false;
};

/// As twofour multiplies: sums of 8-bit numbers as they are, others with a bias.
Problem usual_problem(Number input, size_t rows, size_t columns, size_t tokens);

struct Operands {
  const void *weight, *input, *residual;
  void* out;
  float alpha = 1;
};

/// By cuBLASLt. Throws Refused.
class DenseProduct {
 public:
  DenseProduct(const Session& session, const Problem& problem, const void* bias);
  size_t algorithms() const { return found_.size(); }
  void choose(size_t algorithm) { chosen_ = algorithm; }
  /// The one whose words these are, whether it is among those or not; where the library does not take it, the
  /// first. True: it was taken.
  bool choose(const std::string& words);
  void run(const Operands& operands, cudaStream_t stream, void* workspace) const;

 private:
  template <class T>
  using Owned = std::unique_ptr<T, cublasStatus_t (*)(T*)>;
  void set_epilogue(const Problem& problem, const void* bias);
  void find();

  const Session& session_;
  bool whole_sums_, residual_;
  Owned<cublasLtMatmulDescOpaque_t> product_;
  Owned<cublasLtMatrixLayoutOpaque_t> weight_, input_, out_;
  std::vector<cublasLtMatmulHeuristicResult_t> found_;
  size_t chosen_ = 0;
};

/// A configuration of cuSPARSELt.
struct Algorithm {
  int id = 0, split_k = 1, mode = CUSPARSELT_INVALID_MODE;
};
std::string name_of(const Algorithm& algorithm);

/// By cuSPARSELt, W 2:4 and compressed. Neither copied nor moved: the library's structs refer to one another.
/// Throws Refused.
class SparseProduct {
 public:
  SparseProduct(const Session& session, const Problem& problem, const void* bias,
                const Algorithm& algorithm = {});
  ~SparseProduct();
  SparseProduct(const SparseProduct&) = delete;
  SparseProduct& operator=(const SparseProduct&) = delete;

  int ids() const;
  size_t compressed_bytes() const;
  size_t workspace_bytes() const { return workspace_bytes_; }
  /// Waits. `before` is what the buffer is filled with first.
  Memory compress(const Memory& dense, int before = 0) const;
  void run(const Operands& operands, cudaStream_t stream, void* workspace) const;

 private:
  void describe(const Problem& problem);
  void set_epilogue(const Problem& problem, const void* bias);
  void select(const Algorithm& algorithm);
  void destroy();

  const Session& session_;
  bool residual_;
  size_t workspace_bytes_ = 0;
  cusparseLtMatDescriptor_t weight_{}, input_{}, out_{};
  cusparseLtMatmulDescriptor_t product_{};
  cusparseLtMatmulAlgSelection_t selection_{};
  cusparseLtMatmulPlan_t plan_{};
  /// How many of the structs were made, in the order plan, selection, out, input, weight from the back.
  int made_ = 0;
};

/// Every id alone and with every way to split the sum. Some are refused later.
std::vector<Algorithm> algorithms(const Session& session, const Problem& problem, const void* bias);

}  // namespace probe
