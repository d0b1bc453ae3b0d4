// cuSPARSELt: the matmul descriptor and the selection of an algorithm.
#include <cstring>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"

namespace twofour::emulation::sparse {
namespace {

template <class T>
T value_of(const void* data, size_t bytes) {
  if (data == nullptr || bytes != sizeof(T)) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "Expected the value of an attribute to be " +
                                              std::to_string(sizeof(T)) + " bytes, got " +
                                              std::to_string(bytes) + ".");
  }
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

void set_gelu(MatmulDescriptor& matmul, bool on) {
  // Published for 8-bit integers in and out only; whether it is the erf or the tanh form is not.
  if (on && (matmul.product.a.type != CUDA_R_8I || matmul.product.d.type != CUDA_R_8I))
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "Only products of int8 to int8 have GELU.");
  matmul.gelu = on;
}

void set_bias(Product& product, const void* bias) {
  // Of which type it is there, is not published. fp32 is what others have found, and what is believed here.
  if (bias != nullptr && size_of(product.a.type) == 1 && emulation_setting("cusparselt_bias") == 0)
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "There is no bias for products of 8 bits.");
  product.bias = bias;
}

/// `narrow`: the type that has the scale.
void set_scale(Scale& scale, const float* values, cudaDataType narrow) {
  if (values != nullptr && narrow != CUDA_R_8F_E4M3)
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "Only matrices of 8-bit floating point have scales.");
  scale.values = values;
}

void set_scale_mode(const MatmulDescriptor& matmul, int mode) {
  if (mode == CUSPARSELT_MATMUL_SCALE_NONE) return;
  if (mode != CUSPARSELT_MATMUL_MATRIX_SCALE_SCALAR_32F)
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "The stand-in has one scale per matrix.");
  if (matmul.product.a.type != CUDA_R_8F_E4M3)
    refuse(CUSPARSE_STATUS_NOT_SUPPORTED, "Only 8-bit floating point has scales.");
}

void set(MatmulDescriptor& matmul, cusparseLtMatmulDescAttribute_t name, const void* data, size_t bytes) {
  Product& product = matmul.product;
  switch (name) {
    case CUSPARSELT_MATMUL_ACTIVATION_RELU:
      matmul.relu = value_of<int>(data, bytes) != 0;
      break;
    case CUSPARSELT_MATMUL_ACTIVATION_RELU_UPPERBOUND:
      product.relu_ceiling = value_of<float>(data, bytes);
      product.has_ceiling = true;
      break;
    case CUSPARSELT_MATMUL_ACTIVATION_RELU_THRESHOLD:
      product.relu_floor = value_of<float>(data, bytes);
      break;
    case CUSPARSELT_MATMUL_ACTIVATION_GELU:
      set_gelu(matmul, value_of<int>(data, bytes) != 0);
      break;
    case CUSPARSELT_MATMUL_ALPHA_VECTOR_SCALING:
      matmul.alpha_vector = value_of<int>(data, bytes) != 0;
      break;
    case CUSPARSELT_MATMUL_BIAS_POINTER:
      set_bias(product, value_of<const void*>(data, bytes));
      break;
    case CUSPARSELT_MATMUL_A_SCALE_MODE:
    case CUSPARSELT_MATMUL_B_SCALE_MODE:
    case CUSPARSELT_MATMUL_D_SCALE_MODE:
      set_scale_mode(matmul, value_of<int>(data, bytes));
      break;
    case CUSPARSELT_MATMUL_A_SCALE_POINTER:
      set_scale(product.scale_a, value_of<const float*>(data, bytes), product.a.type);
      break;
    case CUSPARSELT_MATMUL_B_SCALE_POINTER:
      set_scale(product.scale_b, value_of<const float*>(data, bytes), product.b.type);
      break;
    case CUSPARSELT_MATMUL_D_SCALE_POINTER:
      set_scale(product.scale_d, value_of<const float*>(data, bytes), product.d.type);
      break;
    default:
      refuse(CUSPARSE_STATUS_NOT_SUPPORTED,
             "The stand-in has no attribute " + std::to_string(name) + " of a matmul descriptor.");
  }
  product.epilogue = matmul.relu ? Epilogue::relu : matmul.gelu ? Epilogue::gelu_tanh : Epilogue::none;
}

int* field_of(Selection& selection, cusparseLtMatmulAlgAttribute_t name) {
  switch (name) {
    case CUSPARSELT_MATMUL_ALG_CONFIG_ID:
      return &selection.id;
    case CUSPARSELT_MATMUL_SEARCH_ITERATIONS:
      return &selection.iterations;
    case CUSPARSELT_MATMUL_SPLIT_K:
      return &selection.splits;
    case CUSPARSELT_MATMUL_SPLIT_K_MODE:
      return &selection.mode;
    case CUSPARSELT_MATMUL_SPLIT_K_BUFFERS:
      return &selection.buffers;
    default:
      refuse(CUSPARSE_STATUS_INVALID_VALUE,
             "That attribute of an algorithm selection can only be read, or is none.");
  }
}

bool has_plan(const Object& object) {
  for (const uint64_t serial : object.users) {
    const auto user = tables().objects.find(serial);
    if (user != tables().objects.end() && dynamic_cast<const Plan*>(user->second.get()) != nullptr)
      return true;
  }
  return false;
}

}  // namespace
}  // namespace twofour::emulation::sparse

using namespace twofour::emulation;
using namespace twofour::emulation::sparse;

extern "C" {

cusparseStatus_t cusparseLtMatmulDescriptorInit(
    const cusparseLtHandle_t* handle, cusparseLtMatmulDescriptor_t* place, cusparseOperation_t operation_a,
    cusparseOperation_t operation_b, const cusparseLtMatDescriptor_t* a, const cusparseLtMatDescriptor_t* b,
    const cusparseLtMatDescriptor_t* c, const cusparseLtMatDescriptor_t* d, cusparseComputeType compute) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulDescriptorInit", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulDescriptorInit")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    MatmulDescriptor matmul;
    matmul.matrices = {a, b, c, d};
    MatrixDescriptor* found[4];
    for (size_t i = 0; i < 4; ++i) {
      found[i] = &live<MatrixDescriptor>(matmul.matrices[i]);
      matmul.serials[i] = found[i]->serial;
    }
    if (found[0]->structured == found[1]->structured || found[2]->structured || found[3]->structured) {
      refuse(CUSPARSE_STATUS_INVALID_VALUE, "Exactly one of A and B must be structured, and C and D dense.");
    }
    matmul.sparse_a = found[0]->structured;
    matmul.operation_a = operation_a;
    matmul.operation_b = operation_b;
    Product& product = matmul.product;
    product.a = found[0]->matrix;
    product.b = found[1]->matrix;
    product.c = found[2]->matrix;
    product.d = found[3]->matrix;
    product.transpose_a = operation_a != CUSPARSE_OPERATION_NON_TRANSPOSE;
    product.transpose_b = operation_b != CUSPARSE_OPERATION_NON_TRANSPOSE;
    product.tf32 = product.a.type == CUDA_R_32F;
    product.bias_type = size_of(product.a.type) == 1 ? CUDA_R_32F : product.c.type;
    check_product(matmul, compute);
    // The library has nothing to destroy a matmul descriptor with, so that one may be initialised again and
    // again.
    MatmulDescriptor& made = create<MatmulDescriptor>(place, true);
    matmul.serial = made.serial;
    made = matmul;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulDescSetAttribute(const cusparseLtHandle_t* handle,
                                                  cusparseLtMatmulDescriptor_t* place,
                                                  cusparseLtMatmulDescAttribute_t name, const void* data,
                                                  size_t bytes) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulDescSetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    MatmulDescriptor& matmul = check_matmul(place);
    if (has_plan(matmul))
      refuse(CUSPARSE_STATUS_INVALID_VALUE, "Attributes are set before the plan is made, not after.");
    set(matmul, name, data, bytes);
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulAlgSelectionInit(const cusparseLtHandle_t* handle,
                                                  cusparseLtMatmulAlgSelection_t* place,
                                                  const cusparseLtMatmulDescriptor_t* matmul_place,
                                                  cusparseLtMatmulAlg_t) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulAlgSelectionInit", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulAlgSelectionInit")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    Library& library = check_library(handle);
    MatmulDescriptor& matmul = check_matmul(matmul_place);
    auto& selection = create<Selection>(place);
    selection.matmul = matmul_place;
    link(selection, library);
    link(selection, matmul);
    for (const auto* matrix : matmul.matrices) link(selection, live<MatrixDescriptor>(matrix));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulAlgSelectionDestroy(const cusparseLtMatmulAlgSelection_t* place) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulAlgSelectionDestroy", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulAlgSelectionDestroy"))
      return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    destroy(live<Selection>(place));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulAlgSetAttribute(const cusparseLtHandle_t* handle,
                                                 cusparseLtMatmulAlgSelection_t* place,
                                                 cusparseLtMatmulAlgAttribute_t name, const void* data,
                                                 size_t bytes) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulAlgSetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    Selection& selection = live<Selection>(place);
    if (has_plan(selection))
      refuse(CUSPARSE_STATUS_INVALID_VALUE, "Attributes are set before the plan is made, not after.");
    const int value = value_of<int>(data, bytes);
    const MatmulDescriptor& matmul = check_matmul(selection.matmul);
    if (name == CUSPARSELT_MATMUL_ALG_CONFIG_ID && (value < 0 || value >= id_limit(matmul))) {
      refuse(CUSPARSE_STATUS_INVALID_VALUE, "There is no configuration " + std::to_string(value) + ".");
    }
    *field_of(selection, name) = value;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulAlgGetAttribute(const cusparseLtHandle_t* handle,
                                                 const cusparseLtMatmulAlgSelection_t* place,
                                                 cusparseLtMatmulAlgAttribute_t name, void* data,
                                                 size_t bytes) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulAlgGetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    Selection& selection = live<Selection>(place);
    value_of<int>(data, bytes);
    const bool limit = name == CUSPARSELT_MATMUL_ALG_CONFIG_MAX_ID;
    const int value = limit ? id_limit(check_matmul(selection.matmul)) : *field_of(selection, name);
    std::memcpy(data, &value, sizeof(value));
    return CUSPARSE_STATUS_SUCCESS;
  });
}
}
