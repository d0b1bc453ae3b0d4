#include "products.h"

namespace probe {
namespace {

constexpr int kCandidates = 8;

cublasComputeType_t compute_of(const Problem& problem) {
  if (problem.input == Number::int8) return CUBLAS_COMPUTE_32I;
  if (problem.half_sums) return CUBLAS_COMPUTE_16F;
  return problem.input == Number::float32 ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
}

bool sums_whole(const Problem& problem) {
  return problem.input == Number::int8 && problem.output == Number::int32;
}

cudaDataType_t scale_of(const Problem& problem) {
  if (problem.half_sums) return CUDA_R_16F;
  return sums_whole(problem) ? CUDA_R_32I : CUDA_R_32F;
}

cublasLtMatmulDescOpaque_t* described(const Session& session, const Problem& problem) {
  cublasLtMatmulDescOpaque_t* made = nullptr;
  check(session.dense().cublasLtMatmulDescCreate(&made, compute_of(problem), scale_of(problem)), "describe");
  return made;
}

cublasLtMatrixLayoutOpaque_t* layout(const Session& session, Number number, size_t rows, size_t columns) {
  cublasLtMatrixLayoutOpaque_t* made = nullptr;
  check(session.dense().cublasLtMatrixLayoutCreate(&made, type_of(number), rows, columns,
                                                   static_cast<int64_t>(rows)),
        "describe");
  return made;
}

cublasLtEpilogue_t epilogue_of(const Problem& problem) {
  if (problem.activation == Activation::gelu)
    return problem.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
  if (problem.activation == Activation::relu)
    return problem.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  return problem.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace

Problem usual_problem(Number input, size_t rows, size_t columns, size_t tokens) {
  Problem problem{input, input, rows, columns, tokens};
  if (input == Number::int8) problem.output = Number::int32;
  if (input == Number::e4m3) problem.output = Number::float32;
  problem.bias = bytes_of(input) > 1;
  problem.bias_number = problem.output;
  return problem;
}

DenseProduct::DenseProduct(const Session& session, const Problem& problem, const void* bias)
    : session_(session),
      whole_sums_(sums_whole(problem)),
      residual_(problem.residual),
      product_(described(session, problem), session.dense().cublasLtMatmulDescDestroy),
      weight_(layout(session, problem.input, problem.columns, problem.rows),
              session.dense().cublasLtMatrixLayoutDestroy),
      input_(layout(session, problem.input, problem.columns, problem.tokens),
             session.dense().cublasLtMatrixLayoutDestroy),
      out_(layout(session, problem.output, problem.rows, problem.tokens),
           session.dense().cublasLtMatrixLayoutDestroy) {
  set_epilogue(problem, bias);
  find();
}

void DenseProduct::set_epilogue(const Problem& problem, const void* bias) {
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    check(session_.dense().cublasLtMatmulDescSetAttribute(product_.get(), attribute, &value, sizeof value),
          "describe");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  const cublasLtEpilogue_t epilogue = epilogue_of(problem);
  if (epilogue != CUBLASLT_EPILOGUE_DEFAULT) set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
  if (!problem.bias) return;
  set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<int32_t>(type_of(problem.bias_number)));
}

void DenseProduct::find() {
  const auto& library = session_.dense();
  cublasLtMatmulPreferenceOpaque_t* made = nullptr;
  check(library.cublasLtMatmulPreferenceCreate(&made), "look for an algorithm");
  const Owned<cublasLtMatmulPreferenceOpaque_t> preference(made, library.cublasLtMatmulPreferenceDestroy);
  const size_t workspace = Session::kDenseWorkspace;
  check(library.cublasLtMatmulPreferenceSetAttribute(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                     &workspace, sizeof workspace),
        "look for an algorithm");
  found_.resize(kCandidates);
  int count = 0;
  check(library.cublasLtMatmulAlgoGetHeuristic(session_.dense_handle(), product_.get(), weight_.get(),
                                               input_.get(), out_.get(), out_.get(), made, kCandidates,
                                               found_.data(), &count),
        "look for an algorithm");
  if (count == 0) throw Refused("look for an algorithm: cuBLASLt has none");
  found_.resize(static_cast<size_t>(count));
}

bool DenseProduct::choose(const std::string& words) {
  cublasLtMatmulHeuristicResult_t result{};
  for (size_t i = 0; i < std::size(result.algo.data) && words.size() >= 16 * (i + 1); ++i)
    result.algo.data[i] = std::stoull(words.substr(16 * i, 16), nullptr, 16);
  const cublasStatus_t status =
      session_.dense().cublasLtMatmulAlgoCheck(session_.dense_handle(), product_.get(), weight_.get(),
                                               input_.get(), out_.get(), out_.get(), &result.algo, &result);
  chosen_ = 0;
  if (status != CUBLAS_STATUS_SUCCESS || result.workspaceSize > Session::kDenseWorkspace) return false;
  found_ = {result};
  return true;
}

void DenseProduct::run(const Operands& operands, cudaStream_t stream, void* workspace) const {
  const float alpha = operands.alpha, beta = residual_ ? 1.0f : 0.0f;
  const int32_t whole_alpha = 1, whole_beta = residual_ ? 1 : 0;
  const void* added = residual_ ? operands.residual : operands.out;
  check(session_.dense().cublasLtMatmul(session_.dense_handle(), product_.get(),
                                        whole_sums_ ? static_cast<const void*>(&whole_alpha) : &alpha,
                                        operands.weight, weight_.get(), operands.input, input_.get(),
                                        whole_sums_ ? static_cast<const void*>(&whole_beta) : &beta, added,
                                        out_.get(), operands.out, out_.get(), &found_[chosen_].algo,
                                        workspace, Session::kDenseWorkspace, stream),
        "multiply");
}

}  // namespace probe
