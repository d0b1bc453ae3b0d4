#include "cuda/dense_plan.h"

#include <cstring>

#include "base/error.h"
#include "cuda/library_status.h"

namespace twofour::cuda {
namespace {

constexpr int kCandidates = 8;

struct Types {
  cudaDataType_t input, output;
  cublasComputeType_t compute;
  cudaDataType_t scale;
};

Types types_of(Format format) {
  switch (format) {
    case Format::float16:
      return {CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, CUDA_R_32F};
    case Format::bfloat16:
      return {CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F};
    case Format::int8:
      return {CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, CUDA_R_32I};
    case Format::float8:
      return {CUDA_R_8F_E4M3, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUDA_R_32F};
    case Format::float32:
      break;
  }
  // Pedantic: never by way of shorter numbers.
  return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F};
}

/// The library has no product of int8 with 16-bit outputs ("cublasLtMatmul()", the table of types).
Types types_of(const ProductShape& shape) {
  if (!shape.scaled) return types_of(shape.format);
  if (shape.format != Format::float8)
    throw Error("INTERNAL", "A dense product of int8 to bfloat16 was asked for.");
  return {CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F};
}

using Product = std::unique_ptr<cublasLtMatmulDescOpaque_t, cublasStatus_t (*)(cublasLtMatmulDesc_t)>;

cublasLtEpilogue_t epilogue_of(const ProductShape& shape) {
  if (shape.activation == Activation::relu) return CUBLASLT_EPILOGUE_RELU_BIAS;
  if (shape.activation == Activation::gelu_tanh) return CUBLASLT_EPILOGUE_GELU_BIAS;
  return CUBLASLT_EPILOGUE_BIAS;
}

Product product_of(const CublasLt& library, const ProductShape& shape, const void* bias,
                   const ProductScales& scales) {
  const Types types = types_of(shape);
  const char* doing = "describing a product";
  cublasLtMatmulDesc_t made = nullptr;
  check(library, library.cublasLtMatmulDescCreate(&made, types.compute, types.scale), doing);
  Product product(made, library.cublasLtMatmulDescDestroy);
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    check(library, library.cublasLtMatmulDescSetAttribute(made, attribute, &value, sizeof value), doing);
  };
  // W is row-major: its columns lie behind one another, which in column order is its transpose.
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  if (shape.scaled) {
    // "Outer Vector Scaling for FP8 Data Types": both operands have it, or none.
    const int32_t mode = CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, mode);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, mode);
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, scales.rows);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, scales.ones);
  }
  if (!shape.bias) return product;
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(shape));
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  return product;
}

cublasLtMatrixLayoutOpaque_t* layout_of(const CublasLt& library, cudaDataType_t type, size_t rows,
                                        size_t columns, size_t stride) {
  cublasLtMatrixLayoutOpaque_t* layout = nullptr;
  check(library,
        library.cublasLtMatrixLayoutCreate(&layout, type, rows, columns, static_cast<int64_t>(stride)),
        "describing a matrix");
  return layout;
}

}  // namespace

DensePlan::DensePlan(const CublasLt& library, cublasLtHandle_t handle, const ProductShape& shape,
                     size_t tokens, const void* bias, size_t workspace_bytes,
                     const std::optional<DenseAlgorithm>& wanted, const ProductScales& scales)
    : library_(library),
      handle_(handle),
      whole_sums_(shape.format == Format::int8),
      residual_(shape.residual),
      product_(product_of(library, shape, bias, scales)),
      weight_(layout_of(library, types_of(shape).input, shape.columns, shape.rows, shape.weight_stride),
              library.cublasLtMatrixLayoutDestroy),
      input_(layout_of(library, types_of(shape).input, shape.columns, tokens, shape.input_stride),
             library.cublasLtMatrixLayoutDestroy),
      out_(layout_of(library, types_of(shape).output, shape.rows, tokens, shape.rows),
           library.cublasLtMatrixLayoutDestroy),
      tokens_(tokens) {
  if (!wanted || !take(*wanted, workspace_bytes)) find(workspace_bytes);
}

/// It was chosen for another number of tokens, and the library may not have it for this one.
bool DensePlan::take(const DenseAlgorithm& wanted, size_t workspace_bytes) {
  cublasLtMatmulHeuristicResult_t result{};
  static_assert(sizeof result.algo == sizeof wanted);
  std::memcpy(&result.algo, &wanted, sizeof wanted);
  const cublasStatus_t status = library_.cublasLtMatmulAlgoCheck(
      handle_, product_.get(), weight_.get(), input_.get(), out_.get(), out_.get(), &result.algo, &result);
  if (status != CUBLAS_STATUS_SUCCESS || result.workspaceSize > workspace_bytes) return false;
  found_ = {result};
  return true;
}

DenseAlgorithm DensePlan::chosen() const {
  DenseAlgorithm algorithm;
  std::memcpy(algorithm.words.data(), &found_[chosen_].algo, sizeof algorithm);
  return algorithm;
}

void DensePlan::find(size_t workspace_bytes) {
  cublasLtMatmulPreferenceOpaque_t* made = nullptr;
  check(library_, library_.cublasLtMatmulPreferenceCreate(&made), "looking for an algorithm");
  const Owned<cublasLtMatmulPreferenceOpaque_t> preference(made, library_.cublasLtMatmulPreferenceDestroy);
  check(library_,
        library_.cublasLtMatmulPreferenceSetAttribute(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                      &workspace_bytes, sizeof workspace_bytes),
        "looking for an algorithm");
  found_.resize(kCandidates);
  int count = 0;
  const cublasStatus_t status = library_.cublasLtMatmulAlgoGetHeuristic(
      handle_, product_.get(), weight_.get(), input_.get(), out_.get(), out_.get(), made, kCandidates,
      found_.data(), &count);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(library_, status, "looking for an algorithm");
  found_.resize(static_cast<size_t>(count));
  if (found_.empty())
    throw Error("CUDA_LIBRARY_FAILED",
                "cuBLASLt has no algorithm for a product that twofour needs on this "
                "device. Please report it with what `twofour doctor` says.");
}

void DensePlan::resize(size_t tokens) {
  const uint64_t columns = tokens;
  for (cublasLtMatrixLayoutOpaque_t* layout : {input_.get(), out_.get()})
    check(library_,
          library_.cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_COLS, &columns,
                                                    sizeof columns),
          "describing a matrix");
  tokens_ = tokens;
}

void DensePlan::run(const Operands& operands, size_t tokens, const Workspace& workspace, Stream stream) {
  if (tokens != tokens_) resize(tokens);
  const float one = 1, factor = residual_ ? 1.0f : 0.0f;
  const int32_t whole_one = 1, whole_factor = residual_ ? 1 : 0;
  const void* alpha = whole_sums_ ? static_cast<const void*>(&whole_one) : &one;
  const void* beta = whole_sums_ ? static_cast<const void*>(&whole_factor) : &factor;
  const void* added = residual_ ? operands.residual : operands.out;
  check(library_,
        library_.cublasLtMatmul(handle_, product_.get(), alpha, operands.weight, weight_.get(),
                                operands.input, input_.get(), beta, added, out_.get(), operands.out,
                                out_.get(), &found_[chosen_].algo, workspace.data, workspace.bytes, stream),
        "multiplying");
}

}  // namespace twofour::cuda
