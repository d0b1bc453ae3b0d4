#include <cublasLt.h>
#include <dlfcn.h>

#include "emulation/runtime/stand_in.h"
#include "emulation/tests/stand_in/operand.h"

namespace twofour::emulation::checks {
namespace {

// clang-format off
#define FUNCTIONS(X) \
  X(cublasLtCreate) X(cublasLtDestroy) X(cublasLtGetVersion) X(cublasLtMatmulDescCreate) \
  X(cublasLtMatmulDescDestroy) X(cublasLtMatmulDescSetAttribute) X(cublasLtMatrixLayoutCreate) \
  X(cublasLtMatrixLayoutDestroy) X(cublasLtMatrixLayoutSetAttribute) X(cublasLtMatmulPreferenceCreate) \
  X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatmulAlgoGetHeuristic) X(cublasLtMatmulAlgoCheck) X(cublasLtMatmulAlgoConfigGetAttribute) \
  X(cublasLtMatmul)
// clang-format on

struct Functions {
#define MEMBER(name) decltype(&::name) name = nullptr;
  FUNCTIONS(MEMBER)
#undef MEMBER
};

Functions open() {
  Functions functions;
  void* library = dlopen((folder() + "/libcublasLt.so.13").c_str(), RTLD_NOW | RTLD_LOCAL);
  check(library != nullptr, "cuBLASLt is opened");
#define FIND(name) functions.name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name));
  FUNCTIONS(FIND)
#undef FIND
  return functions;
}

struct Case {
  cudaDataType input, c, d;
  int64_t rows, columns, tokens;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  double alpha = 1, beta = 0;
  bool in_place = false;
};

/// A linear through cuBLASLt: W is A, transposed; X is B.
class Product {
 public:
  Product(const Functions& lt, const Case& each)
      : lt(lt),
        each(each),
        integer(each.input == CUDA_R_8I),
        w(each.input, each.rows, each.columns, pad(each.columns)),
        x(each.input, each.tokens, each.columns, pad(each.columns)),
        c(each.c, each.tokens, each.rows, pad(each.rows)),
        d(each.d, each.tokens, each.rows, pad(each.rows)),
        bias(bias_type(), 1, each.rows, each.rows) {
    const auto scale = integer && each.d == CUDA_R_32I ? CUDA_R_32I : CUDA_R_32F;
    lt.cublasLtCreate(&handle);
    lt.cublasLtMatmulDescCreate(&operation, integer ? CUBLAS_COMPUTE_32I : CUBLAS_COMPUTE_32F, scale);
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    if (each.epilogue != CUBLASLT_EPILOGUE_DEFAULT) set(CUBLASLT_MATMUL_DESC_EPILOGUE, each.epilogue);
    if (has_bias()) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.data());
    const auto k = static_cast<uint64_t>(each.columns), m = static_cast<uint64_t>(each.rows),
               n = static_cast<uint64_t>(each.tokens);
    lt.cublasLtMatrixLayoutCreate(&layouts[0], each.input, k, m, w.stride);
    lt.cublasLtMatrixLayoutCreate(&layouts[1], each.input, k, n, x.stride);
    lt.cublasLtMatrixLayoutCreate(&layouts[2], each.c, m, n, c.stride);
    lt.cublasLtMatrixLayoutCreate(&layouts[3], each.d, m, n, d.stride);
    lt.cublasLtMatmulPreferenceCreate(&preference);
    const uint64_t workspace = 1 << 20;
    lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                            sizeof(workspace));
    fill();
  }
  ~Product() {
    lt.cublasLtMatmulPreferenceDestroy(preference);
    for (const auto layout : layouts) lt.cublasLtMatrixLayoutDestroy(layout);
    if (operation != nullptr) lt.cublasLtMatmulDescDestroy(operation);
    lt.cublasLtDestroy(handle);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  template <class T>
  cublasStatus_t set(cublasLtMatmulDescAttributes_t name, T value) {
    return lt.cublasLtMatmulDescSetAttribute(operation, name, &value, sizeof(value));
  }
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms(cublasStatus_t* status = nullptr) {
    std::vector<cublasLtMatmulHeuristicResult_t> results(8);
    int count = 0;
    const auto given =
        lt.cublasLtMatmulAlgoGetHeuristic(handle, operation, layouts[0], layouts[1], layouts[2], layouts[3],
                                          preference, 8, results.data(), &count);
    if (status != nullptr) *status = given;
    results.resize(static_cast<size_t>(count));
    return results;
  }
  cublasStatus_t run(const cublasLtMatmulHeuristicResult_t& result, const Device& workspace, size_t bytes,
                     size_t shift = 0) {
    const auto alpha = static_cast<float>(each.alpha), beta = static_cast<float>(each.beta);
    const auto integer_alpha = static_cast<int32_t>(each.alpha),
               integer_beta = static_cast<int32_t>(each.beta);
    const bool integer_scale = each.d == CUDA_R_32I;
    const void* first = integer_scale ? static_cast<const void*>(&integer_alpha) : &alpha;
    const void* second = integer_scale ? static_cast<const void*>(&integer_beta) : &beta;
    return lt.cublasLtMatmul(handle, operation, first, static_cast<char*>(w.data()) + shift, layouts[0],
                             x.data(), layouts[1], second, each.in_place ? d.data() : c.data(), layouts[2],
                             d.data(), layouts[3], &result.algo, workspace.as(), bytes, stream.handle);
  }
  bool has_bias() const { return (each.epilogue & CUBLASLT_EPILOGUE_BIAS) != 0; }
  double error() {
    d.download();
    return error_of({w, x, c, d, has_bias() ? &bias : nullptr, each.alpha, each.beta, activation()},
                    [&](int64_t token, int64_t row) { return double(c.at(token, row)); });
  }

  const Functions& lt;
  const Case each;
  const bool integer;
  Operand w, x, c, d, bias;
  Stream stream;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t layouts[4]{};
  cublasLtMatmulPreference_t preference = nullptr;

 private:
  int64_t pad(int64_t size) const { return (size + 15) / 16 * 16 + 16; }
  cudaDataType bias_type() const {
    if (each.d == CUDA_R_8I) return CUDA_R_32F;
    return each.input == CUDA_R_8F_E4M3 && each.d == CUDA_R_32F ? CUDA_R_16BF
           : each.d == CUDA_R_32I                               ? CUDA_R_32F
                                                                : each.d;
  }
  std::function<double(double)> activation() const {
    if (each.epilogue == CUBLASLT_EPILOGUE_RELU || each.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS) {
      return [](double x) { return std::fmax(x, 0); };
    }
    if (each.epilogue == CUBLASLT_EPILOGUE_GELU || each.epilogue == CUBLASLT_EPILOGUE_GELU_BIAS) {
      return [](double x) {
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
      };
    }
    return nullptr;
  }
  void fill() {
    std::mt19937 random(24);
    w.fill(random, integer ? 100 : 1);
    x.fill(random, integer ? 100 : 1);
    c.fill(random, integer ? 50 : 1);
    bias.fill(random, 2);
    if (!each.in_place) return;
    for (int64_t i = 0; i < d.lines; ++i) {
      for (int64_t j = 0; j < d.line; ++j) d.set(i, j, c.at(i, j));
    }
    d.upload();
  }
};

void check_products(const Functions& lt) {
  const Case cases[] = {
      {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, 37, 131, 5},
      {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, 7, 1, 1, CUBLASLT_EPILOGUE_GELU_BIAS, 0.5, 2},
      {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 37, 131, 6, CUBLASLT_EPILOGUE_BIAS, 1, 1},
      {CUDA_R_16F, CUDA_R_32F, CUDA_R_32F, 33, 77, 3, CUBLASLT_EPILOGUE_RELU_BIAS},
      {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 65, 513, 9, CUBLASLT_EPILOGUE_GELU, 1, 1, true},
      {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, 3, 129, 4, CUBLASLT_EPILOGUE_RELU},
      {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 36, 516, 5},
      {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 36, 516, 5, CUBLASLT_EPILOGUE_DEFAULT, 3, 2},
      {CUDA_R_8I, CUDA_R_8I, CUDA_R_8I, 36, 64, 5, CUBLASLT_EPILOGUE_BIAS, 0.001, 0.5},
      {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, 48, 528, 5, CUBLASLT_EPILOGUE_BIAS},
      {CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, 48, 64, 5, CUBLASLT_EPILOGUE_BIAS, 0.25},
      {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_8F_E4M3, 48, 64, 5},
  };
  for (const Case& each : cases) {
    const std::string name = std::string(name_of(each.input)) + " to " + name_of(each.d) + ", epilogue " +
                             std::to_string(each.epilogue);
    Product product(lt, each);
    Device workspace(1 << 20);
    const auto algorithms = product.algorithms();
    check(!algorithms.empty(), name + ": there is an algorithm");
    check(each.columns < 512 || algorithms.size() >= 3, name + ": there are several algorithms");
    for (const auto& algorithm : algorithms) {
      // In place, the second algorithm would start from the result of the first.
      if (each.in_place && &algorithm != &algorithms.front()) break;
      const auto status = product.run(algorithm, workspace, algorithm.workspaceSize);
      check(status == CUBLAS_STATUS_SUCCESS, name + ": a product is queued");
      cudaStreamSynchronize(product.stream.handle);
      const double error = product.error();
      check(error <= 1, name + ": the product is right, error " + std::to_string(error));
      check(product.d.is_poisoned_between(), name + ": nothing is written between the lines of D");
    }
    check_clean(name);
  }
}

void check_scales(const Functions& lt) {
  Product product(lt, {CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, 48, 64, 5});
  Operand rows(CUDA_R_32F, 1, 48, 48), tokens(CUDA_R_32F, 1, 5, 5);
  std::mt19937 random(5);
  rows.fill(random, 3);
  tokens.fill(random, 3);
  product.set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, rows.data());
  product.set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, tokens.data());
  for (const auto mode : {CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_DESC_B_SCALE_MODE}) {
    product.set(mode, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F));
  }
  Device workspace(16);
  const auto algorithms = product.algorithms();
  check(!algorithms.empty() && product.run(algorithms.front(), workspace, 0) == CUBLAS_STATUS_SUCCESS,
        "scales per row and token are taken");
  cudaStreamSynchronize(product.stream.handle);
  product.d.download();
  double worst = 0;
  for (int64_t token = 0; token < 5; ++token) {
    for (int64_t row = 0; row < 48; ++row) {
      double sum = 0;
      for (int64_t i = 0; i < 64; ++i) sum += double(product.w.at(row, i)) * product.x.at(token, i);
      worst =
          std::fmax(worst, std::fabs(sum * rows.at(0, row) * tokens.at(0, token) - product.d.at(token, row)));
    }
  }
  check(worst < 1e-4, "and multiply the product, error " + std::to_string(worst));
  product.set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F));
  check(product.algorithms().empty(), "of A and B together");
  check_refusal("are of A and B together", "scales per row of A alone");
  product.set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F));
  product.set(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, rows.data());
  check(product.algorithms().empty(), "D not scaled");
  check_breach("Only a D of 8-bit floating point", "D scaled beside them");
  product.set(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, static_cast<const float*>(nullptr));
  product.set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, static_cast<const float*>(nullptr));
  check(product.algorithms().empty(), "both there");
  check_breach("need a vector for A and one for B", "a vector that is not there");
  emulation_set("compute", 89);
  check(product.algorithms().empty(), "which only 9.0 has");
  check_refusal("need compute capability 9.0", "scales per row before 9.0");
  emulation_set("compute", 86);
  check(product.algorithms().empty(), "8-bit floating point needs 8.9");
  check_refusal("needs compute capability 8.9", "8-bit floating point before 8.9");
  emulation_set("compute", 90);
}

/// A problem that the library does not have.
void check_refused(const Functions& lt, const Case& each, const std::function<void(Product&)>& change,
                   const char* part) {
  Product product(lt, each);
  change(product);
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  check(product.algorithms(&status).empty() && status != CUBLAS_STATUS_SUCCESS,
        std::string("refused: ") + part);
  (status == CUBLAS_STATUS_NOT_SUPPORTED ? check_refusal : check_breach)(part, "refused");
}

void check_rules(const Functions& lt) {
  const auto nothing = [](Product&) {};
  check_refused(lt, {CUDA_R_16F, CUDA_R_16BF, CUDA_R_16F, 8, 8, 8}, nothing,
                "There is no product of float16");
  check_refused(lt, {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 36, 66, 5}, nothing, "multiples of 4, got 66");
  check_refused(lt, {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, 40, 64, 5}, nothing,
                "multiples of 16, got 40");
  check_refused(lt, {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 36, 64, 5, CUBLASLT_EPILOGUE_BIAS}, nothing,
                "has no epilogue");
  const Device scale(4);
  check_refused(
      lt, {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, 48, 64, 5},
      [&](Product& p) { p.set(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, static_cast<const void*>(scale.as())); },
      "Only a D of 8-bit floating point");
  check_refused(
      lt, {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, 48, 64, 5},
      [&](Product& p) {
        const int64_t stride = 52;
        lt.cublasLtMatrixLayoutSetAttribute(p.layouts[3], CUBLASLT_MATRIX_LAYOUT_LD, &stride, sizeof(stride));
      },
      "columns of C and D at multiples of 16 bytes");
  check_refused(
      lt, {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 64, 64, 64},
      [](Product& p) { p.set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_T); }, "A transposed and B not");
  check_refused(
      lt, {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 8, 16, 8},
      [](Product& p) { p.set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N); }, "shapes of A, B and D");
  check_refused(
      lt, {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 8, 16, 8},
      [&](Product& p) {
        const int64_t stride = 15;
        lt.cublasLtMatrixLayoutSetAttribute(p.layouts[0], CUBLASLT_MATRIX_LAYOUT_LD, &stride, sizeof(stride));
      },
      "leading dimension of A is 15");
  Product product(lt, {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 64, 512, 16});
  Device workspace(1 << 20);
  check(product.set(CUBLASLT_MATMUL_DESC_TRANSA, int64_t(1)) == CUBLAS_STATUS_INVALID_VALUE,
        "an attribute has its size");
  check_breach("to be 4 bytes, got 8", "an attribute of a wrong size");
  auto algorithms = product.algorithms();
  check(algorithms.size() >= 2 && algorithms[1].workspaceSize > 0, "an algorithm needs a workspace");
  check(product.run(algorithms[1], workspace, algorithms[1].workspaceSize - 1) == CUBLAS_STATUS_INVALID_VALUE,
        "all of it");
  check_breach("needs a workspace of", "a workspace that is too small");
  check(product.run(algorithms[0], workspace, 0, 16) == CUBLAS_STATUS_INVALID_VALUE,
        "pointers are as aligned as was said");
  check_breach("not aligned to 256 bytes", "a pointer that is less aligned");
  auto forged = algorithms[0];
  forged.algo.data[1] ^= 1;
  check(product.run(forged, workspace, 1 << 20) == CUBLAS_STATUS_INVALID_VALUE, "an algorithm is not forged");
  check_breach("not made by this library", "a forged algorithm");
  product.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU);
  check(product.run(algorithms[0], workspace, 0) == CUBLAS_STATUS_INVALID_VALUE,
        "an algorithm is for its operation");
  check_breach("chosen for other types", "an algorithm of another operation");
  product.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
  emulation_fail("cublasLtMatmul", 2, CUBLAS_STATUS_EXECUTION_FAILED);
  check(product.run(algorithms[0], workspace, 0) == CUBLAS_STATUS_SUCCESS &&
            product.run(algorithms[0], workspace, 0) == CUBLAS_STATUS_EXECUTION_FAILED,
        "the second product fails where that was asked for");
  emulation_forbid_creation(1);
  check(product.algorithms().empty(), "no algorithm is looked for on the hot path");
  check_breach("cublasLtMatmulAlgoGetHeuristic on the hot path", "a search on the hot path");
  emulation_forbid_creation(0);
  cudaStreamSynchronize(product.stream.handle);
  const auto dead = product.operation;
  lt.cublasLtMatmulDescDestroy(dead);
  check(product.run(algorithms[0], workspace, 0) == CUBLAS_STATUS_INVALID_VALUE,
        "a descriptor is not used after destroy");
  check_breach("The operation was never created, or was destroyed", "a descriptor after destroy");
  check(lt.cublasLtMatmulDescDestroy(dead) == CUBLAS_STATUS_INVALID_VALUE, "nor destroyed twice");
  check_breach("was destroyed", "a second destroy");
  product.operation = nullptr;
}

/// Nearest, ties to even, for every number of a small type.
void check_rounding(cudaDataType type, uint32_t largest_bits) {
  size_t wrong = 0;
  for (uint32_t bits = 0; bits < largest_bits; ++bits) {
    const uint32_t pair[2] = {bits, bits + 1};
    const float low = read_element(&pair[0], type, 0), high = read_element(&pair[1], type, 0),
                middle = low / 2 + high / 2;
    const struct {
      float value;
      uint32_t expected;
    } rows[] = {{low, bits},
                {middle, bits + (bits & 1)},
                {std::nextafter(middle, INFINITY), bits + 1},
                {std::nextafter(middle, 0.0f), bits}};
    for (const auto& row : rows) {
      uint32_t found = 0, negative = 0;
      write_element(&found, type, 0, row.value);
      write_element(&negative, type, 0, -row.value);
      const uint32_t sign = size_of(type) == 1 ? 0x80 : 0x8000;
      if (found != row.expected || negative != (row.expected | sign)) ++wrong;
    }
  }
  check(wrong == 0,
        std::string(name_of(type)) + " is rounded to nearest even, wrong " + std::to_string(wrong));
}

}  // namespace

void check_cublaslt() {
  check_rounding(CUDA_R_16F, 0x7BFF);
  check_rounding(CUDA_R_16BF, 0x7F7F);
  check_rounding(CUDA_R_8F_E4M3, 0x7E);
  const uint16_t one = 0x3C00, least = 1;
  const uint8_t largest = 0x7E;
  check(read_element(&one, CUDA_R_16F, 0) == 1 && read_element(&least, CUDA_R_16F, 0) == 0x1p-24f &&
            read_element(&largest, CUDA_R_8F_E4M3, 0) == 448,
        "the numbers of the small types are right");
  const Functions lt = open();
  check(lt.cublasLtGetVersion() == 130101, "the version is told");
  cublasLtHandle_t handle = nullptr;
  lt.cublasLtCreate(&handle);
  check(std::string(emulation_outstanding()) == "1 object of cuBLASLt",
        "what is not destroyed is outstanding");
  lt.cublasLtDestroy(handle);
  check_products(lt);
  check_scales(lt);
  check_rules(lt);
}

}  // namespace twofour::emulation::checks
