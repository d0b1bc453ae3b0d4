// cuBLASLt: which products the library has, by type, layout and device.
#include <algorithm>

#include "emulation/libraries/cublaslt.h"
#include "emulation/libraries/elements.h"

namespace twofour::emulation::blas {
namespace {

[[noreturn]] void refuse(cublasStatus_t status, const std::string& sentence) {
  throw Refused{status, sentence};
}

/// A, B, C, D and how they are summed and scaled.
struct Kind {
  cudaDataType ab, c, d;
  bool integer_sums;
  cudaDataType scale;
};
constexpr Kind kKinds[] = {
    {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, false, CUDA_R_32F},
    {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, false, CUDA_R_32F},
    {CUDA_R_16F, CUDA_R_32F, CUDA_R_32F, false, CUDA_R_32F},
    {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF, false, CUDA_R_32F},
    {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, false, CUDA_R_32F},
    {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, true, CUDA_R_32I},
    {CUDA_R_8I, CUDA_R_8I, CUDA_R_8I, true, CUDA_R_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_16BF, false, CUDA_R_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_16F, false, CUDA_R_32F},
    {CUDA_R_8F_E4M3, CUDA_R_32F, CUDA_R_32F, false, CUDA_R_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_8F_E4M3, false, CUDA_R_32F},
    {CUDA_R_8F_E4M3, CUDA_R_16F, CUDA_R_8F_E4M3, false, CUDA_R_32F},
};

bool is_integer(cublasComputeType_t compute) {
  return compute == CUBLAS_COMPUTE_32I || compute == CUBLAS_COMPUTE_32I_PEDANTIC;
}

bool is_float(cublasComputeType_t compute) {
  return compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
         compute == CUBLAS_COMPUTE_32F_FAST_TF32;
}

void check_kind(const Problem& problem) {
  const auto [operation, a, b, c, d] = problem;
  if (!is_integer(operation->compute) && !is_float(operation->compute)) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED,
           "The stand-in does not have compute type " + std::to_string(operation->compute) + ".");
  }
  const bool known = std::any_of(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) {
    return kind.ab == a->type && kind.ab == b->type && kind.c == c->type && kind.d == d->type &&
           kind.integer_sums == is_integer(operation->compute) && kind.scale == operation->scale;
  });
  if (!known) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, std::string("There is no product of ") + name_of(a->type) + " and " +
                                            name_of(b->type) + " with C of " + name_of(c->type) + " to " +
                                            name_of(d->type) + " of this compute and scale type.");
  }
  if (a->type == CUDA_R_8F_E4M3 && emulation_setting("compute") < 89) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "8-bit floating point needs compute capability 8.9.");
  }
}

Matrix matrix_of(const Layout& layout, const char* name) {
  if (layout.order != CUBLASLT_ORDER_COL && layout.order != CUBLASLT_ORDER_ROW) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, std::string("The stand-in does not have the order of ") + name + ".");
  }
  const Matrix matrix{nullptr,        layout.type,   layout.rows,
                      layout.columns, layout.stride, layout.order == CUBLASLT_ORDER_ROW};
  if (matrix.rows <= 0 || matrix.columns <= 0)
    refuse(CUBLAS_STATUS_INVALID_VALUE, std::string(name) + " has no elements.");
  if (matrix.stride < matrix.line()) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, std::string("The leading dimension of ") + name + " is " +
                                            std::to_string(matrix.stride) + ", less than its lines of " +
                                            std::to_string(matrix.line()) + ".");
  }
  return matrix;
}

void check_shapes(const Product& product) {
  const int64_t rows_a = product.transpose_a ? product.a.columns : product.a.rows;
  const int64_t rows_b = product.transpose_b ? product.b.columns : product.b.rows;
  const int64_t columns_b = product.transpose_b ? product.b.rows : product.b.columns;
  if (rows_a != product.d.rows || columns_b != product.d.columns || rows_b != product.k()) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "The shapes of A, B and D do not fit one another.");
  }
  if (product.c.rows != product.d.rows || product.c.columns != product.d.columns ||
      product.c.row_order != product.d.row_order) {
    refuse(CUBLAS_STATUS_INVALID_VALUE, "C and D must have one shape and order.");
  }
}

/// Bytes that sizes and leading dimensions of an 8-bit product must be a multiple of, in columns of 8-bit
/// operands.
void check_narrow(const Product& product) {
  const bool integer = product.a.type == CUDA_R_8I;
  if (!integer && product.a.type != CUDA_R_8F_E4M3) return;
  const char* name = name_of(product.a.type);
  const int64_t multiple = integer ? 4 : 16;
  const bool order = product.a.row_order || product.b.row_order || product.d.row_order;
  if (order || !product.transpose_a || product.transpose_b) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED,
           std::string("A product of ") + name + " needs column order, A transposed and B not.");
  }
  for (const int64_t size : {product.m(), product.k(), product.a.stride, product.b.stride}) {
    if (size % multiple != 0) {
      refuse(CUBLAS_STATUS_NOT_SUPPORTED, std::string("A product of ") + name +
                                              " needs m, k and leading dimensions that are multiples of " +
                                              std::to_string(multiple) + ", got " + std::to_string(size) +
                                              ".");
    }
  }
  if (integer) return;
  // Every column of every matrix begins at a multiple of 16 bytes.
  for (const Matrix* matrix : {&product.c, &product.d}) {
    if (matrix->stride * static_cast<int64_t>(size_of(matrix->type)) % 16 == 0) continue;
    refuse(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "A product of e4m3 needs columns of C and D at multiples of 16 bytes, got a leading dimension of " +
            std::to_string(matrix->stride) + " " + name_of(matrix->type) + ".");
  }
}

Epilogue epilogue_of(const Problem& problem, bool& has_bias) {
  const auto epilogue =
      attribute<uint32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
  has_bias = (epilogue & CUBLASLT_EPILOGUE_BIAS) != 0;
  if (epilogue != CUBLASLT_EPILOGUE_DEFAULT && problem.d->type == CUDA_R_32I) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "A product to int32 has no epilogue.");
  }
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_BIAS:
      return Epilogue::none;
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
      return Epilogue::relu;
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
      return Epilogue::gelu_tanh;
    default:
      refuse(CUBLAS_STATUS_NOT_SUPPORTED,
             "The stand-in does not have epilogue " + std::to_string(epilogue) + ".");
  }
}

Scale scale_of(const Problem& problem, cublasLtMatmulDescAttributes_t pointer,
               cublasLtMatmulDescAttributes_t mode, const char* name) {
  const auto kind = attribute<int32_t>(*problem.operation, mode, CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F);
  const Scale scale{attribute<const float*>(*problem.operation, pointer, nullptr),
                    kind == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F};
  if (kind != CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F && !scale.is_vector) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED,
           std::string("The stand-in does not have the scale mode of ") + name + ".");
  }
  if (scale.is_vector && emulation_setting("compute") != 90) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "Scales per row and column need compute capability 9.0.");
  }
  if ((scale.values != nullptr || scale.is_vector) && problem.a->type != CUDA_R_8F_E4M3) {
    refuse(CUBLAS_STATUS_INVALID_VALUE,
           std::string("Only 8-bit floating point has a scale of ") + name + ".");
  }
  return scale;
}

/// "Outer Vector Scaling for FP8 Data Types": A and B both have a vector, and D is of 16 or 32 bits.
void check_vectors(const Problem& problem, const Product& product) {
  if (!product.scale_a.is_vector && !product.scale_b.is_vector) return;
  if (!product.scale_a.is_vector || !product.scale_b.is_vector)
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "Scales per row and column are of A and B together.");
  if (product.scale_a.values == nullptr || product.scale_b.values == nullptr)
    refuse(CUBLAS_STATUS_INVALID_VALUE, "Scales per row and column need a vector for A and one for B.");
  if (problem.d->type == CUDA_R_8F_E4M3)
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "With scales per row and column D is of 16 or 32 bits.");
}

}  // namespace

cudaDataType bias_type_of(const Problem& problem) {
  const bool narrow = problem.a->type == CUDA_R_8F_E4M3;
  const cudaDataType standard =
      problem.d->type == CUDA_R_8I ? CUDA_R_32F
      : narrow && (problem.d->type == CUDA_R_32F || problem.d->type == CUDA_R_8F_E4M3)
          ? (problem.c->type == CUDA_R_16F ? CUDA_R_16F : CUDA_R_16BF)
          : problem.d->type;
  const auto set = attribute<int32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, -1);
  if (set != -1 && set != standard) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED,
           std::string("The bias of this product must be ") + name_of(standard) + ".");
  }
  return standard;
}

Product check_problem(const Problem& problem) {
  check_kind(problem);
  Product product;
  product.a = matrix_of(*problem.a, "A");
  product.b = matrix_of(*problem.b, "B");
  product.c = matrix_of(*problem.c, "C");
  product.d = matrix_of(*problem.d, "D");
  product.transpose_a =
      attribute<int32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N) != CUBLAS_OP_N;
  product.transpose_b =
      attribute<int32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N) != CUBLAS_OP_N;
  product.tf32 = problem.operation->compute == CUBLAS_COMPUTE_32F_FAST_TF32 && problem.a->type == CUDA_R_32F;
  check_shapes(product);
  check_narrow(product);
  if (attribute<int32_t>(*problem.operation, CUBLASLT_MATMUL_DESC_POINTER_MODE, CUBLASLT_POINTER_MODE_HOST) !=
      CUBLASLT_POINTER_MODE_HOST) {
    refuse(CUBLAS_STATUS_NOT_SUPPORTED, "The stand-in has alpha and beta in host memory only.");
  }
  bool has_bias = false;
  product.epilogue = epilogue_of(problem, has_bias);
  product.bias_type = bias_type_of(problem);
  product.bias = attribute<const void*>(*problem.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, nullptr);
  if (!has_bias) product.bias = nullptr;
  product.scale_a =
      scale_of(problem, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, CUBLASLT_MATMUL_DESC_A_SCALE_MODE, "A");
  product.scale_b =
      scale_of(problem, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, CUBLASLT_MATMUL_DESC_B_SCALE_MODE, "B");
  product.scale_d.values =
      attribute<const float*>(*problem.operation, CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, nullptr);
  if (product.scale_d.values != nullptr && product.d.type != CUDA_R_8F_E4M3)
    refuse(CUBLAS_STATUS_INVALID_VALUE, "Only a D of 8-bit floating point has a scale.");
  check_vectors(problem, product);
  return product;
}

}  // namespace twofour::emulation::blas
