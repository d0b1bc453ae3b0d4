// cuBLASLt: algorithms and the product itself.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

#include "emulation/libraries/cublaslt.h"
#include "emulation/libraries/elements.h"
#include "emulation/runtime/enqueue.h"

namespace twofour::emulation::blas {
namespace {

constexpr uint64_t kMagic = 0x24c0b1a524c0b1a5;

[[noreturn]] void refuse(cublasStatus_t status, const std::string& sentence) {
  throw Refused{status, sentence};
}

uint64_t mix(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x9E3779B97F4A7C15ull + (hash >> 29); }

/// Types, orders and operations: what an algorithm is chosen for. Sizes are not part of it.
uint64_t kinds_of(const Problem& problem) {
  uint64_t hash = mix(mix(kMagic, problem.operation->compute), problem.operation->scale);
  for (const Layout* layout : {problem.a, problem.b, problem.c, problem.d}) {
    hash = mix(mix(hash, layout->type), static_cast<uint64_t>(layout->order));
  }
  const Operation& operation = *problem.operation;
  hash = mix(hash,
             static_cast<uint64_t>(attribute<int32_t>(operation, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N)));
  hash = mix(hash,
             static_cast<uint64_t>(attribute<int32_t>(operation, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N)));
  hash = mix(hash, attribute<uint32_t>(operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT));
  return mix(hash, static_cast<uint64_t>(emulation_setting("cublaslt")));
}

uint64_t seal_of(const Algorithm& algorithm) {
  uint64_t hash = mix(mix(algorithm.magic, algorithm.id), algorithm.splits);
  hash = mix(hash, algorithm.kinds);
  for (const uint32_t alignment : algorithm.alignment) hash = mix(hash, alignment);
  return hash;
}

bool overlap(const void* one, size_t one_bytes, const void* other, size_t other_bytes) {
  const auto a = reinterpret_cast<uintptr_t>(one), b = reinterpret_cast<uintptr_t>(other);
  return a < b + other_bytes && b < a + one_bytes;
}

void check_pointers(const Product& product, const Algorithm& algorithm) {
  const struct {
    const Matrix& matrix;
    const char* name;
  } rows[] = {{product.a, "A"}, {product.b, "B"}, {product.c, "C"}, {product.d, "D"}};
  for (size_t i = 0; i < 4; ++i) {
    if (rows[i].matrix.data == nullptr)
      refuse(CUBLAS_STATUS_INVALID_VALUE, std::string(rows[i].name) + " is null.");
    if (reinterpret_cast<uintptr_t>(rows[i].matrix.data) % algorithm.alignment[i] != 0) {
      refuse(CUBLAS_STATUS_INVALID_VALUE, std::string(rows[i].name) + " is not aligned to " +
                                              std::to_string(algorithm.alignment[i]) +
                                              " bytes, for which the algorithm was chosen.");
    }
  }
  const Matrix &c = product.c, &d = product.d;
  if (overlap(d.data, d.bytes(), product.a.data, product.a.bytes()) ||
      overlap(d.data, d.bytes(), product.b.data, product.b.bytes())) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "D overlaps an input.");
  }
  const bool in_place = c.data == d.data && c.stride == d.stride && c.type == d.type;
  if (product.beta != 0 && !in_place && overlap(d.data, d.bytes(), c.data, c.bytes())) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "D overlaps C without being C.");
  }
}

cublasStatus_t queue(const Product& product, const Algorithm& algorithm, const Problem& problem,
                     void* workspace, size_t bytes, cudaStream_t stream) {
  const size_t needed = workspace_of(algorithm, problem);
  if (needed > bytes || (needed > 0 && reinterpret_cast<uintptr_t>(workspace) % 16 != 0)) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "The algorithm needs a workspace of " + std::to_string(needed) +
                                            " bytes aligned to 16, got " + std::to_string(bytes) + " bytes.");
  }
  const auto bias_bytes =
      product.bias == nullptr ? 0 : static_cast<size_t>(product.m()) * size_of(product.bias_type);
  const auto scale_bytes = [](const Scale& scale, int64_t count) {
    return scale.values == nullptr ? 0 : sizeof(float) * static_cast<size_t>(scale.is_vector ? count : 1);
  };
  const int status = enqueue_work(
      stream, "cublasLtMatmul",
      [product, workspace, needed] {
        // What the library leaves in its workspace is nobody's to read.
        if (needed != 0) std::memset(workspace, 0xFF, needed);
        multiply(product);
      },
      {use_of(product.a, false, "A of cublasLtMatmul"),
       use_of(product.b, false, "B of cublasLtMatmul"),
       use_of(product.c, false, "C of cublasLtMatmul"),
       use_of(product.d, true, "D of cublasLtMatmul"),
       {workspace, needed, 1, "the workspace of cublasLtMatmul"},
       {product.bias, bias_bytes, 0, "the bias of cublasLtMatmul"},
       {product.scale_a.values, scale_bytes(product.scale_a, product.m()), 0,
        "the scale of A of cublasLtMatmul"},
       {product.scale_b.values, scale_bytes(product.scale_b, product.n()), 0,
        "the scale of B of cublasLtMatmul"},
       {product.scale_d.values, scale_bytes(product.scale_d, 1), 0, "the scale of D of cublasLtMatmul"}},
      nanoseconds_of(product) * slowness_of(algorithm) * slowness_of_scales(product));
  return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

float scalar_of(const void* value, const Operation& operation) {
  return operation.scale == CUDA_R_32I ? static_cast<float>(*static_cast<const int32_t*>(value))
                                       : *static_cast<const float*>(value);
}

void check_library(cublasLtHandle_t handle) {
  const Library* library = tables().libraries.find(handle);
  if (library == nullptr)
    refuse(CUBLAS_STATUS_NOT_INITIALIZED, "The handle was never created, or was destroyed.");
  int device = -1;
  if (cudaGetDevice(&device) != cudaSuccess) refuse(CUBLAS_STATUS_EXECUTION_FAILED, "The device is lost.");
  if (device != library->device)
    refuse(CUBLAS_STATUS_INVALID_VALUE, "The handle belongs to another device than the current one.");
}

Problem problem_of(cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                   cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d) {
  const Tables& all = tables();
  return {&live(all.operations, operation, "The operation"), &live(all.layouts, a, "The layout of A"),
          &live(all.layouts, b, "The layout of B"), &live(all.layouts, c, "The layout of C"),
          &live(all.layouts, d, "The layout of D")};
}

}  // namespace

Algorithm algorithm_of(const Problem& problem, const Preference& preference, uint32_t id) {
  // Every second algorithm splits the inner dimension and needs a workspace for the partial sums.
  Algorithm algorithm{kMagic, id, id % 2 == 0 ? 1u : 2u + id / 2, kinds_of(problem), {}, {}, 0};
  std::copy(preference.alignments.begin(), preference.alignments.end(), algorithm.alignment);
  algorithm.seal = seal_of(algorithm);
  return algorithm;
}

Algorithm check_algorithm(const cublasLtMatmulAlgo_t& algo, const Problem& problem) {
  Algorithm algorithm;
  std::memcpy(&algorithm, &algo, sizeof(algorithm));
  if (algorithm.magic != kMagic || algorithm.seal != seal_of(algorithm) || algorithm.id >= kAlgorithms) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "The algorithm was not made by this library.");
  }
  if (algorithm.kinds != kinds_of(problem)) {
    refuse(
        CUBLAS_STATUS_INVALID_VALUE,
        "The algorithm was chosen for other types, orders, operations, or another version of the library.");
  }
  return algorithm;
}

size_t workspace_of(const Algorithm& algorithm, const Problem& problem) {
  return algorithm.splits == 1
             ? 0
             : static_cast<size_t>(problem.d->rows * problem.d->columns) * 4 * algorithm.splits;
}

double slowness_of(const Algorithm& algorithm) {
  // The heuristic is right about the first only by chance, as the real one: another may be the fastest.
  constexpr double kSlowness[kAlgorithms] = {1.05, 1.1, 1.2, 1.5};
  if (algorithm.id == emulation_setting("cublaslt_wrong_id")) return 0.9;
  return algorithm.id == emulation_setting("cublaslt_best_id") ? 1.0 : kSlowness[algorithm.id];
}

}  // namespace twofour::emulation::blas

using namespace twofour::emulation;
using namespace twofour::emulation::blas;

extern "C" {

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* count) {
  return guarded<cublasStatus_t>("cublasLtMatmulAlgoGetHeuristic", [&] {
    *count = 0;
    if (requested <= 0) refuse(CUBLAS_STATUS_INVALID_VALUE, "No algorithm is asked for.");
    if (emulation_refuse_creation("cublasLtMatmulAlgoGetHeuristic")) return CUBLAS_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    const Problem problem = problem_of(operation, a, b, c, d);
    const Preference& wanted = live(tables().preferences, preference, "The preference");
    const Product product = check_problem(problem);
    for (uint32_t id = 0; id < kAlgorithms && *count < requested; ++id) {
      const Algorithm algorithm = algorithm_of(problem, wanted, id);
      const size_t workspace = workspace_of(algorithm, problem);
      if (workspace > wanted.workspace ||
          (id != 0 && product.k() < 64 * static_cast<int64_t>(algorithm.splits)))
        continue;
      cublasLtMatmulHeuristicResult_t& result = results[(*count)++];
      result = {};
      std::memcpy(&result.algo, &algorithm, sizeof(algorithm));
      result.workspaceSize = workspace;
      result.state = CUBLAS_STATUS_SUCCESS;
      result.wavesCount = 1;
    }
    return *count > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  });
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algo,
                                       cublasLtMatmulHeuristicResult_t* result) {
  return guarded<cublasStatus_t>("cublasLtMatmulAlgoCheck", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    const Problem problem = problem_of(operation, a, b, c, d);
    check_problem(problem);
    const size_t workspace = workspace_of(check_algorithm(*algo, problem), problem);
    result->workspaceSize = workspace;
    result->state = CUBLAS_STATUS_SUCCESS;
    result->wavesCount = 1;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t name, void* buffer,
                                                    size_t bytes, size_t* written) {
  return guarded<cublasStatus_t>("cublasLtMatmulAlgoConfigGetAttribute", [&] {
    Algorithm algorithm;
    std::memcpy(&algorithm, algo, sizeof(algorithm));
    if (algorithm.magic != kMagic)
      refuse(CUBLAS_STATUS_INVALID_VALUE, "The algorithm was not made by this library.");
    const bool known = name == CUBLASLT_ALGO_CONFIG_ID || name == CUBLASLT_ALGO_CONFIG_SPLITK_NUM;
    if (!known || bytes != 4 || buffer == nullptr)
      refuse(CUBLAS_STATUS_INVALID_VALUE, "The stand-in has the id and the splits, of 4 bytes.");
    const uint32_t value = name == CUBLASLT_ALGO_CONFIG_ID ? algorithm.id : algorithm.splits;
    std::memcpy(buffer, &value, sizeof(value));
    if (written != nullptr) *written = sizeof(value);
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t layout_a, const void* b,
                              cublasLtMatrixLayout_t layout_b, const void* beta, const void* c,
                              cublasLtMatrixLayout_t layout_c, void* d, cublasLtMatrixLayout_t layout_d,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, size_t bytes,
                              cudaStream_t stream) {
  return guarded<cublasStatus_t>("cublasLtMatmul", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    const Problem problem = problem_of(operation, layout_a, layout_b, layout_c, layout_d);
    Product product = check_problem(problem);
    if (alpha == nullptr || beta == nullptr) refuse(CUBLAS_STATUS_INVALID_VALUE, "alpha or beta is null.");
    product.alpha = scalar_of(alpha, *problem.operation);
    product.beta = scalar_of(beta, *problem.operation);
    product.a.data = const_cast<void*>(a);
    product.b.data = const_cast<void*>(b);
    product.c.data = const_cast<void*>(c);
    product.d.data = d;
    product.error = error_of_scales(product);
    const auto epilogue =
        attribute<uint32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
    if ((epilogue & CUBLASLT_EPILOGUE_BIAS) != 0 && product.bias == nullptr)
      refuse(CUBLAS_STATUS_INVALID_VALUE, "The epilogue adds a bias that is null.");
    if (algo == nullptr &&
        emulation_refuse_creation("cublasLtMatmul without an algorithm, which searches for one,")) {
      return CUBLAS_STATUS_INTERNAL_ERROR;
    }
    const Algorithm algorithm = algo == nullptr ? algorithm_of(problem, Preference{0, {1, 1, 1, 1}}, 0)
                                                : check_algorithm(*algo, problem);
    check_pointers(product, algorithm);
    if (algorithm.id == emulation_setting("cublaslt_wrong_id")) product.error = 1;
    return queue(product, algorithm, problem, workspace, bytes, stream);
  });
}
}
