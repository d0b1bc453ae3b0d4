#include "products.h"

namespace probe {
namespace {

constexpr uint32_t kAlignment = 16;

cusparseComputeType compute_of(const Problem& problem) {
  if (problem.input == Number::int8) return CUSPARSE_COMPUTE_32I;
  return problem.half_sums ? CUSPARSE_COMPUTE_16F : CUSPARSE_COMPUTE_32F;
}

}  // namespace

std::string name_of(const Algorithm& algorithm) {
  return "id " + std::to_string(algorithm.id) + " split " + std::to_string(algorithm.split_k) + " mode " +
         std::to_string(algorithm.mode);
}

SparseProduct::SparseProduct(const Session& session, const Problem& problem, const void* bias,
                             const Algorithm& algorithm)
    : session_(session), residual_(problem.residual) {
  try {
    describe(problem);
    set_epilogue(problem, bias);
    select(algorithm);
    const auto& library = session_.sparse();
    check(session_,
          library.cusparseLtMatmulPlanInit(&session_.sparse_handle(), &plan_, &product_, &selection_),
          "plan");
    made_ = 5;
    check(session_,
          library.cusparseLtMatmulGetWorkspace(&session_.sparse_handle(), &plan_, &workspace_bytes_), "plan");
  } catch (...) {
    destroy();
    throw;
  }
}

SparseProduct::~SparseProduct() { destroy(); }

void SparseProduct::describe(const Problem& problem) {
  const auto& library = session_.sparse();
  const cusparseLtHandle_t* handle = &session_.sparse_handle();
  const auto rows = static_cast<int64_t>(problem.rows), columns = static_cast<int64_t>(problem.columns),
             tokens = static_cast<int64_t>(problem.tokens);
  const auto made = [&](cusparseStatus_t status) {
    check(session_, status, "describe");
    ++made_;
  };
  made(library.cusparseLtStructuredDescriptorInit(handle, &weight_, rows, columns, columns, kAlignment,
                                                  type_of(problem.input), CUSPARSE_ORDER_ROW,
                                                  CUSPARSELT_SPARSITY_50_PERCENT));
  made(library.cusparseLtDenseDescriptorInit(handle, &input_, tokens, columns, columns, kAlignment,
                                             type_of(problem.input), CUSPARSE_ORDER_ROW));
  made(library.cusparseLtDenseDescriptorInit(handle, &out_, rows, tokens, rows, kAlignment,
                                             type_of(problem.output), CUSPARSE_ORDER_COL));
  check(session_,
        library.cusparseLtMatmulDescriptorInit(handle, &product_, CUSPARSE_OPERATION_NON_TRANSPOSE,
                                               CUSPARSE_OPERATION_TRANSPOSE, &weight_, &input_, &out_, &out_,
                                               compute_of(problem)),
        "describe the product");
}

void SparseProduct::set_epilogue(const Problem& problem, const void* bias) {
  const auto set = [&](cusparseLtMatmulDescAttribute_t attribute, const auto& value, const char* doing) {
    check(session_,
          session_.sparse().cusparseLtMatmulDescSetAttribute(&session_.sparse_handle(), &product_, attribute,
                                                             &value, sizeof value),
          doing);
  };
  if (problem.bias) set(CUSPARSELT_MATMUL_BIAS_POINTER, bias, "set the bias");
  const int on = 1;
  if (problem.activation == Activation::relu) set(CUSPARSELT_MATMUL_ACTIVATION_RELU, on, "set ReLU");
  if (problem.activation == Activation::gelu) set(CUSPARSELT_MATMUL_ACTIVATION_GELU, on, "set GELU");
}

void SparseProduct::select(const Algorithm& algorithm) {
  const auto& library = session_.sparse();
  check(session_,
        library.cusparseLtMatmulAlgSelectionInit(&session_.sparse_handle(), &selection_, &product_,
                                                 CUSPARSELT_MATMUL_ALG_DEFAULT),
        "choose an algorithm");
  made_ = 4;
  const auto set = [&](cusparseLtMatmulAlgAttribute_t attribute, const auto& value) {
    check(session_,
          library.cusparseLtMatmulAlgSetAttribute(&session_.sparse_handle(), &selection_, attribute, &value,
                                                  sizeof value),
          "choose an algorithm");
  };
  if (algorithm.id != 0) set(CUSPARSELT_MATMUL_ALG_CONFIG_ID, algorithm.id);
  if (algorithm.split_k != 1) set(CUSPARSELT_MATMUL_SPLIT_K, algorithm.split_k);
  if (algorithm.mode != CUSPARSELT_INVALID_MODE)
    set(CUSPARSELT_MATMUL_SPLIT_K_MODE, static_cast<cusparseLtSplitKMode_t>(algorithm.mode));
}

void SparseProduct::destroy() {
  const auto& library = session_.sparse();
  if (made_ > 4) library.cusparseLtMatmulPlanDestroy(&plan_);
  if (made_ > 3) library.cusparseLtMatmulAlgSelectionDestroy(&selection_);
  if (made_ > 2) library.cusparseLtMatDescriptorDestroy(&out_);
  if (made_ > 1) library.cusparseLtMatDescriptorDestroy(&input_);
  if (made_ > 0) library.cusparseLtMatDescriptorDestroy(&weight_);
}

int SparseProduct::ids() const {
  int ids = 0;
  check(session_,
        session_.sparse().cusparseLtMatmulAlgGetAttribute(
            &session_.sparse_handle(), &selection_, CUSPARSELT_MATMUL_ALG_CONFIG_MAX_ID, &ids, sizeof ids),
        "count algorithms");
  return ids;
}

size_t SparseProduct::compressed_bytes() const {
  size_t result = 0, scratch = 0;
  check(session_,
        session_.sparse().cusparseLtSpMMACompressedSize(&session_.sparse_handle(), &plan_, &result, &scratch),
        "compress");
  return result;
}

Memory SparseProduct::compress(const Memory& dense, int before) const {
  const auto& library = session_.sparse();
  size_t result = 0, scratch = 0;
  check(session_, library.cusparseLtSpMMACompressedSize(&session_.sparse_handle(), &plan_, &result, &scratch),
        "compress");
  Memory compressed(result), space(scratch);
  compressed.fill(before);
  check(cudaDeviceSynchronize(), "waiting");
  check(session_,
        library.cusparseLtSpMMACompress(&session_.sparse_handle(), &plan_, dense.data(), compressed.data(),
                                        space.data(), session_.stream()),
        "compress");
  check(cudaStreamSynchronize(session_.stream()), "compressing");
  return compressed;
}

void SparseProduct::run(const Operands& operands, cudaStream_t stream, void* workspace) const {
  const float beta = residual_ ? 1.0f : 0.0f;
  const void* added = residual_ ? operands.residual : operands.out;
  check(
      session_,
      session_.sparse().cusparseLtMatmul(&session_.sparse_handle(), &plan_, &operands.alpha, operands.weight,
                                         operands.input, &beta, added, operands.out, workspace, &stream, 1),
      "multiply");
}

std::vector<Algorithm> algorithms(const Session& session, const Problem& problem, const void* bias) {
  const int ids = SparseProduct(session, problem, bias).ids();
  std::vector<Algorithm> all;
  for (int id = 0; id < ids; ++id) {
    all.push_back({.id = id});
    for (const int mode : {CUSPARSELT_SPLIT_K_MODE_ONE_KERNEL, CUSPARSELT_SPLIT_K_MODE_TWO_KERNELS})
      for (const int parts : {2, 4}) all.push_back({.id = id, .split_k = parts, .mode = mode});
    for (const int mode :
         {CUSPARSELT_HEURISTIC, CUSPARSELT_DATAPARALLEL, CUSPARSELT_SPLITK, CUSPARSELT_STREAMK})
      all.push_back({.id = id, .split_k = -1, .mode = mode});
  }
  return all;
}

}  // namespace probe
