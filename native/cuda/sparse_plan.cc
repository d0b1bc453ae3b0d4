#include "cuda/sparse_plan.h"

#include "base/error.h"
#include "cuda/library_status.h"

namespace twofour::cuda {
namespace {

constexpr uint32_t kAlignment = 16;

struct Types {
  cudaDataType input, output;
  cusparseComputeType compute;
};

Types types_of(Format format) {
  switch (format) {
    case Format::float16:
      return {CUDA_R_16F, CUDA_R_16F, CUSPARSE_COMPUTE_32F};
    case Format::bfloat16:
      return {CUDA_R_16BF, CUDA_R_16BF, CUSPARSE_COMPUTE_32F};
    case Format::int8:
      return {CUDA_R_8I, CUDA_R_32I, CUSPARSE_COMPUTE_32I};
    case Format::float8:
      return {CUDA_R_8F_E4M3, CUDA_R_32F, CUSPARSE_COMPUTE_32F};
    case Format::float32:
      break;
  }
  throw Error("INTERNAL", "A sparse product of float32 numbers was asked for.");
}

Types types_of(const ProductShape& shape) {
  Types types = types_of(shape.format);
  if (shape.scaled) types.output = CUDA_R_16BF;
  return types;
}

}  // namespace

SparsePlan::SparsePlan(const CusparseLt& library, const cusparseLtHandle_t& handle, const ProductShape& shape,
                       size_t tokens, const void* bias, const SparseAlgorithm& algorithm,
                       const ProductScales& scales)
    : library_(library), handle_(handle), residual_(shape.residual), row_scales_(scales.rows) {
  try {
    describe(shape, tokens, bias);
    select(algorithm);
    check(library_, library_.cusparseLtMatmulPlanInit(&handle_, &plan_, &product_, &selection_),
          "planning a product");
    has_plan_ = true;
    check(library_, library_.cusparseLtMatmulGetWorkspace(&handle_, &plan_, &workspace_bytes_),
          "planning a product");
  } catch (...) {
    destroy();
    throw;
  }
}

SparsePlan::~SparsePlan() { destroy(); }

void SparsePlan::describe(const ProductShape& shape, size_t tokens, const void* bias) {
  const Types types = types_of(shape);
  const auto rows = static_cast<int64_t>(shape.rows), columns = static_cast<int64_t>(shape.columns),
             count = static_cast<int64_t>(tokens);
  const char* doing = "describing a sparse product";
  check(library_,
        library_.cusparseLtStructuredDescriptorInit(
            &handle_, &weight_, rows, columns, static_cast<int64_t>(shape.weight_stride), kAlignment,
            types.input, CUSPARSE_ORDER_ROW, CUSPARSELT_SPARSITY_50_PERCENT),
        doing);
  has_weight_ = true;
  // 8-bit products are only computed over operands that lie behind one another along the sum: X in row order,
  // transposed.
  check(library_,
        library_.cusparseLtDenseDescriptorInit(&handle_, &input_, count, columns,
                                               static_cast<int64_t>(shape.input_stride), kAlignment,
                                               types.input, CUSPARSE_ORDER_ROW),
        doing);
  has_input_ = true;
  check(library_,
        library_.cusparseLtDenseDescriptorInit(&handle_, &out_, rows, count, rows, kAlignment, types.output,
                                               CUSPARSE_ORDER_COL),
        doing);
  has_out_ = true;
  check(library_,
        library_.cusparseLtMatmulDescriptorInit(&handle_, &product_, CUSPARSE_OPERATION_NON_TRANSPOSE,
                                                CUSPARSE_OPERATION_TRANSPOSE, &weight_, &input_, &out_, &out_,
                                                types.compute),
        doing);
  if (shape.activation == Activation::relu) {
    const int on = 1;
    check(library_,
          library_.cusparseLtMatmulDescSetAttribute(&handle_, &product_, CUSPARSELT_MATMUL_ACTIVATION_RELU,
                                                    &on, sizeof on),
          doing);
  }
  if (shape.scaled) {
    const int on = 1;
    check(library_,
          library_.cusparseLtMatmulDescSetAttribute(&handle_, &product_,
                                                    CUSPARSELT_MATMUL_ALPHA_VECTOR_SCALING, &on, sizeof on),
          doing);
  }
  if (!shape.bias) return;
  check(library_,
        library_.cusparseLtMatmulDescSetAttribute(&handle_, &product_, CUSPARSELT_MATMUL_BIAS_POINTER, &bias,
                                                  sizeof bias),
        doing);
}

void SparsePlan::select(const SparseAlgorithm& algorithm) {
  const char* doing = "choosing an algorithm";
  check(library_,
        library_.cusparseLtMatmulAlgSelectionInit(&handle_, &selection_, &product_,
                                                  CUSPARSELT_MATMUL_ALG_DEFAULT),
        doing);
  has_selection_ = true;
  const auto set = [&](cusparseLtMatmulAlgAttribute_t attribute, const auto& value) {
    check(library_,
          library_.cusparseLtMatmulAlgSetAttribute(&handle_, &selection_, attribute, &value, sizeof value),
          doing);
  };
  if (algorithm.id != 0) set(CUSPARSELT_MATMUL_ALG_CONFIG_ID, algorithm.id);
  if (algorithm.split_k != 1) set(CUSPARSELT_MATMUL_SPLIT_K, algorithm.split_k);
  if (algorithm.split_k_mode != CUSPARSELT_INVALID_MODE)
    set(CUSPARSELT_MATMUL_SPLIT_K_MODE, static_cast<cusparseLtSplitKMode_t>(algorithm.split_k_mode));
}

/// In the reverse order. What cannot be destroyed cannot be used either.
void SparsePlan::destroy() {
  if (has_plan_) library_.cusparseLtMatmulPlanDestroy(&plan_);
  if (has_selection_) library_.cusparseLtMatmulAlgSelectionDestroy(&selection_);
  if (has_out_) library_.cusparseLtMatDescriptorDestroy(&out_);
  if (has_input_) library_.cusparseLtMatDescriptorDestroy(&input_);
  if (has_weight_) library_.cusparseLtMatDescriptorDestroy(&weight_);
}

int SparsePlan::algorithm_ids() const {
  int ids = 0;
  check(library_,
        library_.cusparseLtMatmulAlgGetAttribute(&handle_, &selection_, CUSPARSELT_MATMUL_ALG_CONFIG_MAX_ID,
                                                 &ids, sizeof ids),
        "counting algorithms");
  return ids;
}

SparsePlan::CompressedBytes SparsePlan::compressed_bytes() const {
  CompressedBytes bytes{};
  check(library_, library_.cusparseLtSpMMACompressedSize(&handle_, &plan_, &bytes.result, &bytes.scratch),
        "sizing a compressed matrix");
  return bytes;
}

void SparsePlan::compress(const void* dense, void* result, void* scratch, Stream stream) const {
  check(library_, library_.cusparseLtSpMMACompress(&handle_, &plan_, dense, result, scratch, stream),
        "compressing a matrix");
}

void SparsePlan::run(const Operands& operands, const Workspace& workspace, Stream stream) const {
  const float one = 1, factor = residual_ ? 1.0f : 0.0f;
  const float* alpha = row_scales_ == nullptr ? &one : row_scales_;
  const void* added = residual_ ? operands.residual : operands.out;
  check(library_,
        library_.cusparseLtMatmul(&handle_, &plan_, alpha, operands.weight, operands.input, &factor, added,
                                  operands.out, workspace.data, &stream, 1),
        "multiplying by a sparse matrix");
}

}  // namespace twofour::cuda
