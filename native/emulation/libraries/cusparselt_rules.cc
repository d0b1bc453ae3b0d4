// cuSPARSELt: which matrices, products and configurations the library has, by type and device.
#include <algorithm>
#include <iterator>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"

namespace twofour::emulation::sparse {
namespace {

constexpr int64_t kAlignment = 16;

bool is_narrow(cudaDataType type) { return type == CUDA_R_8I || type == CUDA_R_8F_E4M3; }

struct Kind {
  cudaDataType ab, c, d;
  cusparseComputeType compute;
};
constexpr Kind kKinds[] = {
    {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUSPARSE_COMPUTE_32F},
    {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, CUSPARSE_COMPUTE_32F},
    {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, CUSPARSE_COMPUTE_32F},
    {CUDA_R_8I, CUDA_R_8I, CUDA_R_8I, CUSPARSE_COMPUTE_32I},
    {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUSPARSE_COMPUTE_32I},
    {CUDA_R_8I, CUDA_R_16F, CUDA_R_16F, CUSPARSE_COMPUTE_32I},
    {CUDA_R_8I, CUDA_R_16BF, CUDA_R_16BF, CUSPARSE_COMPUTE_32I},
    {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_16F, CUSPARSE_COMPUTE_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, CUSPARSE_COMPUTE_32F},
    {CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, CUSPARSE_COMPUTE_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_8F_E4M3, CUSPARSE_COMPUTE_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_8F_E4M3, CUSPARSE_COMPUTE_32F},
};

void check_types(const Product& product, cusparseComputeType compute) {
  const bool known = std::any_of(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) {
    return kind.ab == product.a.type && kind.ab == product.b.type && kind.c == product.c.type &&
           kind.d == product.d.type && kind.compute == compute;
  });
  if (!known) {
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, std::string("There is no product of ") + name_of(product.a.type) +
                                              " and " + name_of(product.b.type) + " with C of " +
                                              name_of(product.c.type) + " to " + name_of(product.d.type) +
                                              " of this compute type.");
  }
  if (product.a.type == CUDA_R_8F_E4M3 && emulation_setting("compute") < 89) {
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "8-bit floating point needs compute capability 8.9.");
  }
}

void check_shapes(const Product& product) {
  const int64_t rows_a = product.transpose_a ? product.a.columns : product.a.rows;
  const int64_t rows_b = product.transpose_b ? product.b.columns : product.b.rows;
  const int64_t columns_b = product.transpose_b ? product.b.rows : product.b.columns;
  if (rows_a != product.d.rows || columns_b != product.d.columns || rows_b != product.k()) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The shapes of A, B and D do not fit one another.");
  }
  const Matrix &c = product.c, &d = product.d;
  if (c.rows != d.rows || c.columns != d.columns || c.stride != d.stride || c.row_order != d.row_order) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "C and D must have one shape, leading dimension and order.");
  }
}

}  // namespace

void check_descriptor(const Matrix& matrix, bool structured, uint32_t alignment) {
  if (size_of(matrix.type) == 0)
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "The stand-in does not have the type of the matrix.");
  if (alignment == 0 || alignment % kAlignment != 0) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE,
           "Expected the alignment to be a multiple of 16, got " + std::to_string(alignment) + ".");
  }
  if (matrix.rows <= 0 || matrix.columns <= 0)
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The matrix has no elements.");
  if (matrix.stride < matrix.line()) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The leading dimension is " + std::to_string(matrix.stride) +
                                              ", less than a line of " + std::to_string(matrix.line()) + ".");
  }
  const int64_t multiple = (structured ? 32 : 16) / static_cast<int64_t>(size_of(matrix.type));
  for (const int64_t size : {matrix.rows, matrix.columns, matrix.stride}) {
    if (size % multiple == 0) continue;
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED,
           std::string("Expected rows, columns and leading dimension of a ") +
               (structured ? "structured" : "dense") + " matrix of " + name_of(matrix.type) +
               " to be multiples of " + std::to_string(multiple) + ", got " + std::to_string(size) + ".");
  }
}

void check_product(const MatmulDescriptor& matmul, cusparseComputeType compute) {
  const Product& product = matmul.product;
  check_types(product, compute);
  check_shapes(product);
  if (!is_narrow(product.a.type)) return;
  const bool a_along_inner = product.a.row_order != product.transpose_a;
  const bool b_along_inner = product.b.row_order == product.transpose_b;
  if (!a_along_inner || !b_along_inner) {
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED,
           std::string("Operands of ") + name_of(product.a.type) +
               " must lie along the inner dimension: A in row order, B in row order and transposed.");
  }
}

MatmulDescriptor& check_matmul(const cusparseLtMatmulDescriptor_t* matmul) {
  MatmulDescriptor& found = live<MatmulDescriptor>(matmul);
  for (size_t i = 0; i < found.matrices.size(); ++i) {
    if (live<MatrixDescriptor>(found.matrices[i]).serial != found.serials[i]) {
      refuse(CUSPARSE_STATUS_INVALID_VALUE,
             "A matrix descriptor of the matmul descriptor was destroyed and initialised anew.");
    }
  }
  return found;
}

int id_limit(const MatmulDescriptor&) { return static_cast<int>(emulation_setting("cusparselt_ids")); }

void check_selection(const Selection& selection, const MatmulDescriptor& matmul) {
  const int splits = selection.splits, mode = selection.mode;
  const bool streamed = mode >= CUSPARSELT_HEURISTIC;
  if (selection.id < 0 || selection.id >= id_limit(matmul)) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "There is no configuration " + std::to_string(selection.id) + ".");
  }
  if (emulation_setting("compute") >= 90) {
    if (splits != 1 && splits != -1)
      refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "On compute capability 9.0, split-K must be 1 or -1.");
    if (streamed != (splits == -1))
      refuse(CUSPARSE_STATUS_NOT_SUPPORTED,
             "Split-K of -1 goes with the modes from HEURISTIC on, and 1 does not.");
    return;
  }
  if (splits < 1 || splits > matmul.product.k() || streamed || mode == CUSPARSELT_INVALID_MODE) {
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED,
           "Before compute capability 9.0, split-K is from 1 to k in one or two kernels.");
  }
}

size_t workspace_of(const Plan& plan, const MatmulDescriptor& matmul) {
  const bool partial =
      plan.mode == CUSPARSELT_SPLIT_K_MODE_TWO_KERNELS ? plan.splits > 1 : plan.mode >= CUSPARSELT_SPLITK;
  const size_t sums = static_cast<size_t>(matmul.product.m() * matmul.product.n()) * 4;
  return partial ? sums * static_cast<size_t>(std::max(1, plan.splits)) : 0;
}

}  // namespace twofour::emulation::sparse
