#include "cuda/self_check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <span>

#include "base/error.h"
#include "cuda/library_status.h"

namespace twofour::cuda {
namespace {

/// Rows of W, tokens and the sum's length.
constexpr size_t kSize = 64;
/// Structs of former versions had 11 KiB where the headers of today say 512 bytes.
constexpr size_t kBehind = 12 << 10;
constexpr std::byte kUntouched{0x5a};

/// One of the library's structs, and memory behind it that the library has no business in.
template <class T>
class Struct {
 public:
  Struct() { std::ranges::fill(behind(), kUntouched); }
  T* get() { return reinterpret_cast<T*>(bytes_.data()); }
  bool fits() {
    return std::ranges::all_of(behind(), [](std::byte each) { return each == kUntouched; });
  }

 private:
  std::span<std::byte> behind() { return std::span(bytes_).subspan(sizeof(T)); }

  alignas(T) std::array<std::byte, sizeof(T) + kBehind> bytes_{};
};

using Matrix = std::array<float, kSize * kSize>;

/// Small whole numbers, so that every sum is exact in bfloat16 whatever its order. 2:4.
Matrix weights() {
  Matrix matrix{};
  for (size_t row = 0; row < kSize; ++row) {
    for (size_t column = 0; column < kSize; ++column) {
      const size_t distance = (column + row + column / 4) % 4;
      if (distance % 3 == 0) matrix[row * kSize + column] = static_cast<float>((row * 7 + column) % 5) - 2;
    }
  }
  return matrix;
}

Matrix inputs() {
  Matrix matrix;
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<float>((i * 11 + i / kSize) % 7) - 3;
  return matrix;
}

using Bits = std::array<uint16_t, kSize * kSize>;

Bits bits_of(const Matrix& matrix) {
  Bits bits;
  std::ranges::transform(matrix, bits.begin(),
                         [](float x) { return static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16); });
  return bits;
}

/// [tokens, rows]
Bits plain_product(const Matrix& weight, const Matrix& input) {
  Matrix out;
  for (size_t token = 0; token < kSize; ++token) {
    for (size_t row = 0; row < kSize; ++row) {
      float sum = 0;
      for (size_t k = 0; k < kSize; ++k) sum += weight[row * kSize + k] * input[token * kSize + k];
      out[token * kSize + row] = sum;
    }
  }
  return bits_of(out);
}

/// A product in the layouts of SparsePlan, by structs of its own.
class FirstProduct {
 public:
  FirstProduct(const CusparseLt& library, SharedDevice& device) : library_(library), device_(device) {
    undo_.reserve(6);
  }
  ~FirstProduct() {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
  }
  FirstProduct(const FirstProduct&) = delete;
  FirstProduct& operator=(const FirstProduct&) = delete;

  void plan() {
    const char* doing = "checking cuSPARSELt";
    check(library_, library_.cusparseLtInit(handle_.get()), doing);
    undo_.push_back([this] { library_.cusparseLtDestroy(handle_.get()); });
    check(library_,
          library_.cusparseLtStructuredDescriptorInit(handle_.get(), weight_.get(), kSize, kSize, kSize, 16,
                                                      CUDA_R_16BF, CUSPARSE_ORDER_ROW,
                                                      CUSPARSELT_SPARSITY_50_PERCENT),
          doing);
    undo_.push_back([this] { library_.cusparseLtMatDescriptorDestroy(weight_.get()); });
    describe(input_, CUSPARSE_ORDER_ROW);
    describe(out_, CUSPARSE_ORDER_COL);
    check(library_,
          library_.cusparseLtMatmulDescriptorInit(
              handle_.get(), product_.get(), CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_TRANSPOSE,
              weight_.get(), input_.get(), out_.get(), out_.get(), CUSPARSE_COMPUTE_32F),
          doing);
    check(library_,
          library_.cusparseLtMatmulAlgSelectionInit(handle_.get(), selection_.get(), product_.get(),
                                                    CUSPARSELT_MATMUL_ALG_DEFAULT),
          doing);
    undo_.push_back([this] { library_.cusparseLtMatmulAlgSelectionDestroy(selection_.get()); });
    check(library_,
          library_.cusparseLtMatmulPlanInit(handle_.get(), plan_.get(), product_.get(), selection_.get()),
          doing);
    undo_.push_back([this] { library_.cusparseLtMatmulPlanDestroy(plan_.get()); });
  }

  bool fits() {
    return handle_.fits() && weight_.fits() && input_.fits() && out_.fits() && product_.fits() &&
           selection_.fits() && plan_.fits();
  }

  Bits run(const Bits& weight, const Bits& input) {
    const char* doing = "checking a product of cuSPARSELt";
    size_t compressed_bytes = 0, scratch_bytes = 0, workspace_bytes = 0;
    check(
        library_,
        library_.cusparseLtSpMMACompressedSize(handle_.get(), plan_.get(), &compressed_bytes, &scratch_bytes),
        doing);
    check(library_, library_.cusparseLtMatmulGetWorkspace(handle_.get(), plan_.get(), &workspace_bytes),
          doing);
    const Arena::Block dense = uploaded(weight), right = uploaded(input);
    const Arena::Block compressed = device_.memory().take(compressed_bytes),
                       scratch = device_.memory().take(scratch_bytes),
                       out = device_.memory().take(sizeof(Bits));
    Stream stream = device_.stream();
    check(library_,
          library_.cusparseLtSpMMACompress(handle_.get(), plan_.get(), dense.data(), compressed.data(),
                                           scratch.data(), stream),
          doing);
    const float one = 1, zero = 0;
    check(library_,
          library_.cusparseLtMatmul(handle_.get(), plan_.get(), &one, compressed.data(), right.data(), &zero,
                                    out.data(), out.data(), device_.workspace(workspace_bytes).data, &stream,
                                    1),
          doing);
    Bits bits;
    device_.transfers().to_host(bits.data(), out.data(), sizeof bits);
    return bits;
  }

 private:
  void describe(Struct<cusparseLtMatDescriptor_t>& matrix, cusparseOrder_t order) {
    check(library_,
          library_.cusparseLtDenseDescriptorInit(handle_.get(), matrix.get(), kSize, kSize, kSize, 16,
                                                 CUDA_R_16BF, order),
          "checking cuSPARSELt");
    undo_.push_back([this, &matrix] { library_.cusparseLtMatDescriptorDestroy(matrix.get()); });
  }
  Arena::Block uploaded(const Bits& bits) {
    Arena::Block block = device_.memory().take(sizeof bits);
    device_.transfers().to_device(block.data(), bits.data(), sizeof bits);
    return block;
  }

  const CusparseLt& library_;
  SharedDevice& device_;
  Struct<cusparseLtHandle_t> handle_;
  Struct<cusparseLtMatDescriptor_t> weight_, input_, out_;
  Struct<cusparseLtMatmulDescriptor_t> product_;
  Struct<cusparseLtMatmulAlgSelection_t> selection_;
  Struct<cusparseLtMatmulPlan_t> plan_;
  std::vector<std::function<void()>> undo_;
};

std::string failed(const LibraryInfo& library, const std::string& why) {
  return library.path + " (cuSPARSELt " + library.version + ") failed twofour's check of it: " + why +
         " `npx twofour cuda install` fetches one that is known.";
}

}  // namespace

std::string self_check(const Library<CusparseLt>& library, SharedDevice& device) {
  try {
    const auto product = std::make_unique<FirstProduct>(library.functions, device);
    product->plan();
    if (!product->fits()) return failed(library.info, "its structs are larger than twofour was made for.");
    const Matrix weight = weights(), input = inputs();
    if (product->run(bits_of(weight), bits_of(input)) != plain_product(weight, input))
      return failed(library.info, "a small product has wrong numbers.");
    return {};
  } catch (const Error& error) {
    if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
    return failed(library.info, error.what());
  }
}

}  // namespace twofour::cuda
