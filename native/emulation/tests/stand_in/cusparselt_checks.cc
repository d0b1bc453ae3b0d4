#include <cusparseLt.h>
#include <dlfcn.h>

#include <memory>

#include "emulation/runtime/stand_in.h"
#include "emulation/tests/stand_in/operand.h"

namespace twofour::emulation::checks {
namespace {

// clang-format off
#define FUNCTIONS(X) \
  X(cusparseLtInit) X(cusparseLtDestroy) X(cusparseLtGetVersion) X(cusparseLtGetProperty) \
  X(cusparseLtGetErrorName) X(cusparseLtDenseDescriptorInit) X(cusparseLtStructuredDescriptorInit) \
  X(cusparseLtMatDescriptorDestroy) X(cusparseLtMatmulDescriptorInit) X(cusparseLtMatmulDescSetAttribute) \
  X(cusparseLtMatmulAlgSelectionInit) X(cusparseLtMatmulAlgSelectionDestroy) \
  X(cusparseLtMatmulAlgSetAttribute) X(cusparseLtMatmulAlgGetAttribute) X(cusparseLtMatmulPlanInit) \
  X(cusparseLtMatmulPlanDestroy) X(cusparseLtMatmulGetWorkspace) X(cusparseLtSpMMAPruneCheck) \
  X(cusparseLtSpMMACompressedSize) X(cusparseLtSpMMACompressedSize2) X(cusparseLtSpMMACompress) \
  X(cusparseLtSpMMACompress2) X(cusparseLtMatmulSearch) X(cusparseLtMatmul)
// clang-format on

struct Functions {
#define MEMBER(name) decltype(&::name) name = nullptr;
  FUNCTIONS(MEMBER)
#undef MEMBER
};

Functions open() {
  Functions functions;
  void* library = dlopen((folder() + "/libcusparseLt.so.0").c_str(), RTLD_NOW | RTLD_LOCAL);
  check(library != nullptr, "cuSPARSELt is opened");
#define FIND(name) functions.name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name));
  FUNCTIONS(FIND)
#undef FIND
  return functions;
}

struct Case {
  cudaDataType input, c, d;
  int64_t rows, columns, tokens;
  bool bias = false, relu = false;
  double alpha = 1, beta = 0;
  /// The structured matrix is B: X is A, and D in row order.
  bool sparse_b = false;
};

constexpr auto kPlain = CUSPARSE_OPERATION_NON_TRANSPOSE;
constexpr auto kTransposed = CUSPARSE_OPERATION_TRANSPOSE;

/// A linear through cuSPARSELt: W is structured. Its structs never move.
class Linear24 {
 public:
  Linear24(const Functions& lt, const Case& each, bool whole = true)
      : lt(lt),
        each(each),
        w(each.input, each.rows, each.columns, each.columns),
        x(each.input, each.tokens, each.columns, each.columns + 32),
        c(each.c, each.tokens, each.rows, each.rows + 32),
        d(each.d, each.tokens, each.rows, each.rows + 32),
        bias(size_of(each.input) == 1 ? CUDA_R_32F : each.c, 1, each.rows, each.rows) {
    std::mt19937 random(24);
    const bool integer = each.input == CUDA_R_8I;
    w.fill(random, integer ? 100 : 1);
    w.prune();
    x.fill(random, integer ? 100 : 1);
    c.fill(random, integer ? 50 : 1);
    bias.fill(random, 2);
    lt.cusparseLtInit(&handle);
    if (whole)
      check(describe() == CUSPARSE_STATUS_SUCCESS && plan_it() == CUSPARSE_STATUS_SUCCESS, "a plan is made");
  }
  Linear24(const Linear24&) = delete;
  Linear24& operator=(const Linear24&) = delete;
  ~Linear24() {
    if (planned) lt.cusparseLtMatmulPlanDestroy(&plan);
    if (selected) lt.cusparseLtMatmulAlgSelectionDestroy(&selection);
    for (int i = 0; i < described; ++i) lt.cusparseLtMatDescriptorDestroy(&matrices[i]);
    lt.cusparseLtDestroy(&handle);
  }

  cusparseStatus_t describe(cusparseOperation_t operation_x = kTransposed) {
    const auto row = CUSPARSE_ORDER_ROW, column = CUSPARSE_ORDER_COL;
    cusparseStatus_t status =
        lt.cusparseLtStructuredDescriptorInit(&handle, &matrices[0], each.rows, each.columns, w.stride, 16,
                                              each.input, row, CUSPARSELT_SPARSITY_50_PERCENT);
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    ++described;
    status = lt.cusparseLtDenseDescriptorInit(&handle, &matrices[1], each.tokens, each.columns, x.stride, 16,
                                              each.input, row);
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    ++described;
    const cudaDataType types[] = {each.c, each.d};
    for (int i = 0; i < 2; ++i) {
      const int64_t rows = each.sparse_b ? each.tokens : each.rows,
                    columns = each.sparse_b ? each.rows : each.tokens;
      status = lt.cusparseLtDenseDescriptorInit(&handle, &matrices[2 + i], rows, columns, d.stride, 16,
                                                types[i], each.sparse_b ? row : column);
      if (status != CUSPARSE_STATUS_SUCCESS) return status;
      ++described;
    }
    const auto compute = each.input == CUDA_R_8I ? CUSPARSE_COMPUTE_32I : CUSPARSE_COMPUTE_32F;
    if (each.sparse_b) {
      status = lt.cusparseLtMatmulDescriptorInit(&handle, &matmul, kPlain, kTransposed, &matrices[1],
                                                 &matrices[0], &matrices[2], &matrices[3], compute);
    } else {
      status = lt.cusparseLtMatmulDescriptorInit(&handle, &matmul, kPlain, operation_x, &matrices[0],
                                                 &matrices[1], &matrices[2], &matrices[3], compute);
    }
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    const int on = 1;
    const void* pointer = bias.data();
    if (each.bias)
      status = lt.cusparseLtMatmulDescSetAttribute(&handle, &matmul, CUSPARSELT_MATMUL_BIAS_POINTER, &pointer,
                                                   sizeof(pointer));
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    if (each.relu)
      lt.cusparseLtMatmulDescSetAttribute(&handle, &matmul, CUSPARSELT_MATMUL_ACTIVATION_RELU, &on,
                                          sizeof(on));
    status = lt.cusparseLtMatmulAlgSelectionInit(&handle, &selection, &matmul, CUSPARSELT_MATMUL_ALG_DEFAULT);
    selected = status == CUSPARSE_STATUS_SUCCESS;
    return status;
  }
  cusparseStatus_t choose(cusparseLtMatmulAlgAttribute_t name, int value) {
    return lt.cusparseLtMatmulAlgSetAttribute(&handle, &selection, name, &value, sizeof(value));
  }
  int chosen(cusparseLtMatmulAlgAttribute_t name) {
    int value = -1;
    lt.cusparseLtMatmulAlgGetAttribute(&handle, &selection, name, &value, sizeof(value));
    return value;
  }
  cusparseStatus_t plan_it() {
    const auto status = lt.cusparseLtMatmulPlanInit(&handle, &plan, &matmul, &selection);
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    planned = true;
    size_t bytes = 0, scratch_bytes = 0;
    lt.cusparseLtSpMMACompressedSize(&handle, &plan, &bytes, &scratch_bytes);
    compressed = std::make_unique<Device>(bytes);
    scratch = std::make_unique<Device>(scratch_bytes);
    return lt.cusparseLtMatmulGetWorkspace(&handle, &plan, &workspace);
  }
  cusparseStatus_t compress() {
    return lt.cusparseLtSpMMACompress(&handle, &plan, w.data(), compressed->as(), scratch->as(),
                                      stream.handle);
  }
  cusparseStatus_t run(void* workspace_at = nullptr, const void* structured = nullptr, size_t shift = 0) {
    const auto alpha = static_cast<float>(each.alpha), beta = static_cast<float>(each.beta);
    const void* s = structured == nullptr ? compressed->as() : structured;
    const void* a = each.sparse_b ? x.data() : s;
    const void* b = each.sparse_b ? s : x.data();
    return lt.cusparseLtMatmul(&handle, &plan, &alpha, a, static_cast<const char*>(b) + shift, &beta,
                               c.data(), d.data(), workspace_at, &stream.handle, 1);
  }
  cudaError_t wait() { return cudaStreamSynchronize(stream.handle); }
  double error() {
    d.download();
    std::function<double(double)> activation;
    if (each.relu) activation = [](double value) { return std::fmax(value, 0); };
    return error_of(
        {w, x, c, d, each.bias ? &bias : nullptr, each.alpha, each.beta, activation},
        [&](int64_t token, int64_t row) { return double(c.at(token, row)); },
        each.input == CUDA_R_32F ? 0x1p-10 : 0);
  }

  const Functions& lt;
  const Case each;
  Operand w, x, c, d, bias;
  Stream stream;
  cusparseLtHandle_t handle;
  cusparseLtMatDescriptor_t matrices[4];
  cusparseLtMatmulDescriptor_t matmul;
  cusparseLtMatmulAlgSelection_t selection;
  cusparseLtMatmulPlan_t plan;
  int described = 0;
  bool selected = false, planned = false;
  size_t workspace = 0;
  std::unique_ptr<Device> compressed, scratch;
};

constexpr Case kSmall{CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 32, 64, 16};

void check_products(const Functions& lt) {
  const Case cases[] = {
      {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 48, 144, 8, true},
      {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 80, 528, 24, true, true, 1, 1},
      {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 16, 16, 16, false, false, 0.5, 2, true},
      {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, 24, 40, 12, true},
      {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 64, 544, 16},
      {CUDA_R_8I, CUDA_R_8I, CUDA_R_8I, 32, 64, 16, false, false, 0.001},
      {CUDA_R_8I, CUDA_R_16F, CUDA_R_16F, 32, 64, 16, false, false, 0.001},
      {CUDA_R_8I, CUDA_R_16BF, CUDA_R_16BF, 32, 64, 32, false, true, 0.001, 1},
      {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, 96, 544, 16},
      {CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, 32, 32, 16, false, false, 1, 1},
      {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_8F_E4M3, 32, 64, 16},
  };
  for (const Case& each : cases) {
    const std::string name = std::string("2:4 ") + name_of(each.input) + " to " + name_of(each.d);
    Linear24 linear(lt, each);
    Device valid(4);
    int invalid = 1;
    lt.cusparseLtSpMMAPruneCheck(&linear.handle, &linear.matmul, linear.w.data(), valid.as<int>(),
                                 linear.stream.handle);
    linear.wait();
    valid.get(&invalid, 4);
    check(invalid == 0, name + ": the matrix is structured");
    check(linear.compress() == CUSPARSE_STATUS_SUCCESS && linear.run() == CUSPARSE_STATUS_SUCCESS,
          name + ": a product is queued");
    check(linear.wait() == cudaSuccess, name + ": a product runs");
    const double error = linear.error();
    check(error <= 1, name + ": the product is right, error " + std::to_string(error));
    check(linear.d.is_poisoned_between(), name + ": nothing is written between the lines of D");
    check_clean(name);
  }
}

/// A factor for each row of W in place of alpha, beside the bias and C.
void check_factors(const Functions& lt, cudaDataType input) {
  const std::string name = std::string("2:4 ") + name_of(input) + " with a factor for each row";
  Linear24 linear(lt, {input, CUDA_R_16BF, CUDA_R_16BF, 64, 96, 16, true}, false);
  linear.describe();
  const int on = 1;
  lt.cusparseLtMatmulDescSetAttribute(&linear.handle, &linear.matmul, CUSPARSELT_MATMUL_ALPHA_VECTOR_SCALING,
                                      &on, sizeof(on));
  check(linear.plan_it() == CUSPARSE_STATUS_SUCCESS && linear.compress() == CUSPARSE_STATUS_SUCCESS,
        name + ": a plan is made");
  Operand factors(CUDA_R_32F, 1, 64, 64);
  std::mt19937 random(7);
  factors.fill(random, 0.01);
  const float beta = 1;
  const auto run = [&](const void* alpha) {
    return lt.cusparseLtMatmul(&linear.handle, &linear.plan, alpha, linear.compressed->as(), linear.x.data(),
                               &beta, linear.c.data(), linear.d.data(), nullptr, &linear.stream.handle, 1);
  };
  check(run(factors.data()) == CUSPARSE_STATUS_SUCCESS && linear.wait() == cudaSuccess, name + ": it runs");
  linear.d.download();
  double worst = 0;
  for (int64_t token = 0; token < 16; ++token) {
    for (int64_t row = 0; row < 64; ++row) {
      double sum = 0;
      for (int64_t i = 0; i < 96; ++i) sum += double(linear.w.at(row, i)) * linear.x.at(token, i);
      const double wanted = sum * factors.at(0, row) + linear.bias.at(0, row) + linear.c.at(token, row);
      worst = std::fmax(worst, std::fabs(wanted - linear.d.at(token, row)) / (1 + std::fabs(wanted)));
    }
  }
  check(worst < 0x1p-8, name + ": the product is right, error " + std::to_string(worst));
  check_clean(name);
  check(run(&beta) == CUSPARSE_STATUS_EXECUTION_FAILED, name + ": on the device");
  check_breach("`alpha of cusparseLtMatmul` to be device memory", "host memory as factors");
}

/// One compressed buffer serves plans over an equal structured matrix, whatever the number of tokens, and no
/// others.
void check_buffers(const Functions& lt) {
  Linear24 first(lt, kSmall);
  first.compress();
  first.wait();
  Case more = kSmall;
  more.tokens = 64;
  Linear24 second(lt, more);
  check(
      second.run(nullptr, first.compressed->as()) == CUSPARSE_STATUS_SUCCESS && second.wait() == cudaSuccess,
      "a buffer serves another number of tokens");
  check(second.error() <= 1, "with the right product");
  check_clean("one buffer for two plans");
  Case other = kSmall;
  other.rows = 64;
  other.columns = 32;
  Linear24 third(lt, other);
  check(third.run(nullptr, first.compressed->as()) == CUSPARSE_STATUS_INVALID_VALUE,
        "a buffer does not serve another shape");
  check_breach("made for another shape", "a buffer of another shape");
  emulation_set("cusparselt", 900);
  check(first.run() == CUSPARSE_STATUS_INVALID_VALUE, "nor another version");
  check_breach("another version of the library", "a buffer of another version");
  emulation_set("cusparselt", 801);
  check(first.run(nullptr, first.w.data()) == CUSPARSE_STATUS_INVALID_VALUE, "a buffer was compressed");
  check_breach("no compressed matrix", "a buffer that is none");
  third.compress();
  check(first.run(nullptr, third.compressed->as()) == CUSPARSE_STATUS_SUCCESS,
        "what is still queued is not seen");
  third.wait();
  check(first.wait() == cudaErrorLaunchFailure, "and faults when it runs");
  check_breach("made for another shape", "a buffer of another shape, queued");
  reset();
}

void check_shapes(const Functions& lt) {
  const auto refused = [&](Case each, const char* part, cusparseOperation_t operation = kTransposed) {
    Linear24 linear(lt, each, false);
    const auto status = linear.describe(operation);
    check(status != CUSPARSE_STATUS_SUCCESS, std::string("refused: ") + part);
    (status == CUSPARSE_STATUS_NOT_SUPPORTED ? check_refusal : check_breach)(part, "refused");
  };
  refused({CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, 24, 64, 8},
          "structured matrix of bfloat16 to be multiples of 16, got 24");
  refused({CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 16, 64, 12},
          "dense matrix of float16 to be multiples of 8, got 12");
  refused({CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 32, 48, 16},
          "structured matrix of int8 to be multiples of 32, got 48");
  refused({CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_16F, 32, 64, 24},
          "dense matrix of e4m3 to be multiples of 16, got 24");
  refused({CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, 12, 64, 8},
          "structured matrix of float32 to be multiples of 8, got 12");
  refused({CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, 32, 64, 16}, "There is no product of bfloat16");
  refused({CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, 32, 64, 16}, "shapes of A, B and D", kPlain);
  refused({CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, 64, 64, 64}, "along the inner dimension", kPlain);
  emulation_set("cusparselt_bias", 0);
  refused({CUDA_R_8I, CUDA_R_16BF, CUDA_R_16BF, 32, 64, 32, true}, "no bias for products of 8 bits");
  refused({CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, 32, 64, 32, true}, "no bias for products of 8 bits");
  emulation_set("cusparselt_bias", 1);
  emulation_set("compute", 86);
  refused({CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_16F, 32, 64, 32}, "needs compute capability 8.9");
  emulation_set("compute", 90);
}

void check_pointers(const Functions& lt) {
  Linear24 linear(lt, kSmall);
  linear.compress();
  linear.wait();
  check(linear.run(nullptr, nullptr, 8) == CUSPARSE_STATUS_INVALID_VALUE, "pointers are aligned");
  check_breach("B is not aligned to 16 bytes", "a pointer that is not aligned");
  check(linear.run(nullptr, linear.w.data()) == CUSPARSE_STATUS_INVALID_VALUE,
        "the structured operand is compressed");
  check_breach("no compressed matrix", "a dense matrix for a compressed one");
  Device small(256);
  check(lt.cusparseLtSpMMACompress(&linear.handle, &linear.plan, linear.w.data(), small.as(),
                                   linear.scratch->as(),
                                   linear.stream.handle) == CUSPARSE_STATUS_EXECUTION_FAILED,
        "a buffer is as large as was said");
  check_breach("`the compressed matrix` is", "a buffer that is too small");
  std::vector<float> host(8192);
  check(linear.run(nullptr, host.data()) == CUSPARSE_STATUS_EXECUTION_FAILED, "host memory is no operand");
  check_breach("structured operand of cusparseLtMatmul` to be device memory", "host memory as operand");
  Linear24 split(lt, kSmall, false);
  split.describe();
  split.choose(CUSPARSELT_MATMUL_SPLIT_K, -1);
  split.choose(CUSPARSELT_MATMUL_SPLIT_K_MODE, CUSPARSELT_SPLITK);
  check(split.plan_it() == CUSPARSE_STATUS_SUCCESS && split.workspace == 32 * 16 * 4,
        "split-K needs a workspace");
  check(split.run(nullptr, linear.compressed->as()) == CUSPARSE_STATUS_INVALID_VALUE, "which must be there");
  check_breach("needs a workspace of 2048 bytes", "no workspace");
  check(split.run(small.as(), linear.compressed->as()) == CUSPARSE_STATUS_EXECUTION_FAILED, "all of it");
  check_breach("the workspace of cusparseLtMatmul` is 2048 bytes and runs 1792 bytes past",
               "a workspace that is too small");
  Device enough(2048);
  check(split.run(enough.as(), linear.compressed->as()) == CUSPARSE_STATUS_SUCCESS &&
            split.wait() == cudaSuccess && split.error() <= 1,
        "split-K gives the same product");
  Linear24 wrong(lt, kSmall, false);
  wrong.describe();
  wrong.choose(CUSPARSELT_MATMUL_SPLIT_K, 4);
  check(wrong.plan_it() == CUSPARSE_STATUS_NOT_SUPPORTED, "split-K on 9.0 is 1 or -1");
  check_refusal("must be 1 or -1", "split-K on 9.0");
  check(wrong.choose(CUSPARSELT_MATMUL_ALG_CONFIG_ID, 4) == CUSPARSE_STATUS_INVALID_VALUE &&
            wrong.chosen(CUSPARSELT_MATMUL_ALG_CONFIG_MAX_ID) == 4,
        "configurations end where the library says");
  check_breach("no configuration 4", "a configuration that is none");
}

void check_lives(const Functions& lt) {
  auto linear = std::make_unique<Linear24>(lt, kSmall);
  linear->compress();
  linear->wait();
  check(lt.cusparseLtMatDescriptorDestroy(&linear->matrices[1]) == CUSPARSE_STATUS_INVALID_VALUE,
        "a matrix outlives its plan");
  check_breach("destroyed before what refers to it", "a matrix destroyed before its plan");
  check(lt.cusparseLtDestroy(&linear->handle) == CUSPARSE_STATUS_INVALID_VALUE, "a handle outlives all");
  check_breach("The handle is destroyed before", "a handle destroyed first");
  const auto copy = std::make_unique<cusparseLtMatmulPlan_t>(linear->plan);
  size_t bytes = 0;
  check(lt.cusparseLtMatmulGetWorkspace(&linear->handle, copy.get(), &bytes) == CUSPARSE_STATUS_INVALID_VALUE,
        "a plan is not copied");
  check_breach("The plan was copied or moved", "a copied plan");
  const auto matrix = linear->matrices[1];
  linear->matrices[1] = cusparseLtMatDescriptor_t{};
  check(linear->run() == CUSPARSE_STATUS_INVALID_VALUE, "a matrix descriptor stays while its plan is used");
  check_breach("The matrix descriptor was not initialised", "a matrix descriptor that went away");
  linear->matrices[1] = matrix;
  check(linear->choose(CUSPARSELT_MATMUL_ALG_CONFIG_ID, 2) == CUSPARSE_STATUS_INVALID_VALUE,
        "an algorithm is chosen before the plan");
  check_breach("before the plan is made", "an algorithm chosen too late");
  lt.cusparseLtMatmulPlanDestroy(&linear->plan);
  linear->planned = false;
  check(linear->run() == CUSPARSE_STATUS_INVALID_VALUE, "a plan is not used after destroy");
  check_breach("The plan was destroyed", "a plan after destroy");
  const int64_t size = 64;
  check(lt.cusparseLtDenseDescriptorInit(&linear->handle, &linear->matrices[1], size, size, size, 16,
                                         CUDA_R_16F, CUSPARSE_ORDER_ROW) == CUSPARSE_STATUS_INVALID_VALUE,
        "a descriptor is not initialised twice");
  check_breach("initialised twice", "a descriptor initialised twice");
  check(lt.cusparseLtDenseDescriptorInit(&linear->handle, &linear->matrices[1], size, size, size, 8,
                                         CUDA_R_16F, CUSPARSE_ORDER_ROW) == CUSPARSE_STATUS_INVALID_VALUE,
        "an alignment is a multiple of 16");
  check_breach("alignment to be a multiple of 16, got 8", "an alignment of 8");
}

void check_choice(const Functions& lt) {
  Linear24 linear(lt, kSmall);
  linear.compress();
  const float alpha = 1, beta = 0;
  const auto search = [&] {
    return lt.cusparseLtMatmulSearch(&linear.handle, &linear.plan, &alpha, linear.compressed->as(),
                                     linear.x.data(), &beta, linear.c.data(), linear.d.data(), nullptr,
                                     &linear.stream.handle, 1);
  };
  check(search() == CUSPARSE_STATUS_SUCCESS && linear.chosen(CUSPARSELT_MATMUL_ALG_CONFIG_ID) == 1 &&
            linear.error() <= 1,
        "a search takes the fastest configuration");
  emulation_set("cusparselt_wrong_id", 3);
  check(search() == CUSPARSE_STATUS_SUCCESS && linear.chosen(CUSPARSELT_MATMUL_ALG_CONFIG_ID) == 3 &&
            linear.error() > 1,
        "which may be a wrong one");
  emulation_set("cusparselt_wrong_id", -1);
  emulation_forbid_creation(1);
  check(search() != CUSPARSE_STATUS_SUCCESS, "nothing is searched on the hot path");
  check_breach("cusparseLtMatmulSearch on the hot path", "a search on the hot path");
  check(linear.run() == CUSPARSE_STATUS_SUCCESS && linear.wait() == cudaSuccess, "a product is no creation");
  check_clean("a product on the hot path");
  emulation_forbid_creation(0);
  emulation_set("cusparselt_capture", 0);
  cudaStreamBeginCapture(linear.stream.handle, cudaStreamCaptureModeThreadLocal);
  check(linear.run() != CUSPARSE_STATUS_SUCCESS, "a capture of a product may fail");
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(linear.stream.handle, &graph) == cudaErrorStreamCaptureInvalidated,
        "and is lost then");
  emulation_set("cusparselt_capture", 1);
}

void check_unstructured(const Functions& lt) {
  Linear24 linear(lt, kSmall);
  for (int64_t i = 0; i < 4; ++i) linear.w.set(3, 8 + i, 1);
  linear.w.upload();
  Device valid(4);
  int invalid = 0;
  lt.cusparseLtSpMMAPruneCheck(&linear.handle, &linear.matmul, linear.w.data(), valid.as<int>(),
                               linear.stream.handle);
  linear.wait();
  valid.get(&invalid, 4);
  check(invalid == 1, "a matrix that is not 2:4 is told");
  linear.compress();
  check(linear.wait() == cudaErrorLaunchFailure, "and not compressed");
  check_breach("not 2:4: line 3, elements 8", "compression of a matrix that is not 2:4");
  reset();
}

}  // namespace

void check_cusparselt() {
  const Functions lt = open();
  int major = -1, minor = -1, patch = -1;
  lt.cusparseLtGetProperty(MAJOR_VERSION, &major);
  lt.cusparseLtGetProperty(MINOR_VERSION, &minor);
  lt.cusparseLtGetProperty(PATCH_LEVEL, &patch);
  check(major == 0 && minor == 8 && patch == 1, "the version is told");
  check_products(lt);
  check_factors(lt, CUDA_R_8I);
  check_factors(lt, CUDA_R_8F_E4M3);
  check_buffers(lt);
  check_shapes(lt);
  check_pointers(lt);
  check_lives(lt);
  check_choice(lt);
  check_unstructured(lt);
}

}  // namespace twofour::emulation::checks
