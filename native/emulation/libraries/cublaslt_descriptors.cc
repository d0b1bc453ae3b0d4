// cuBLASLt: the handle and the descriptors.
#include <cuda_runtime_api.h>

#include <cstring>

#include "emulation/libraries/cublaslt.h"

namespace twofour::emulation::blas {
namespace {

constexpr const char* kHeld = "object of cuBLASLt";

struct Size {
  int name;
  size_t bytes;
};
constexpr Size kOperationSizes[] = {
    {CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, 4},    {CUBLASLT_MATMUL_DESC_SCALE_TYPE, 4},
    {CUBLASLT_MATMUL_DESC_POINTER_MODE, 4},    {CUBLASLT_MATMUL_DESC_TRANSA, 4},
    {CUBLASLT_MATMUL_DESC_TRANSB, 4},          {CUBLASLT_MATMUL_DESC_EPILOGUE, 4},
    {CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8},    {CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, 4},
    {CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, 8}, {CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, 8},
    {CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, 8}, {CUBLASLT_MATMUL_DESC_FAST_ACCUM, 1},
    {CUBLASLT_MATMUL_DESC_A_SCALE_MODE, 4},    {CUBLASLT_MATMUL_DESC_B_SCALE_MODE, 4},
    {CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, 4},
};

void check_bytes(const void* buffer, size_t bytes, size_t expected) {
  if (buffer != nullptr && bytes == expected) return;
  throw Refused{CUBLAS_STATUS_INVALID_VALUE, "Expected the value of an attribute to be " +
                                                 std::to_string(expected) + " bytes, got " +
                                                 std::to_string(buffer == nullptr ? 0 : bytes) + "."};
}

template <class T>
T value_of(const void* buffer, size_t bytes) {
  check_bytes(buffer, bytes, sizeof(T));
  T value;
  std::memcpy(&value, buffer, sizeof(T));
  return value;
}

void set_operation(Operation& operation, int name, const void* buffer, size_t bytes) {
  for (const Size& row : kOperationSizes) {
    if (row.name != name) continue;
    check_bytes(buffer, bytes, row.bytes);
    operation.attributes[name].assign(static_cast<const char*>(buffer), bytes);
    return;
  }
  throw Refused{CUBLAS_STATUS_INVALID_VALUE,
                "The stand-in has no attribute " + std::to_string(name) + " of an operation."};
}

void set_layout(Layout& layout, int name, const void* buffer, size_t bytes) {
  switch (name) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      layout.type = static_cast<cudaDataType>(value_of<uint32_t>(buffer, bytes));
      return;
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      layout.order = value_of<int32_t>(buffer, bytes);
      return;
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      layout.rows = static_cast<int64_t>(value_of<uint64_t>(buffer, bytes));
      return;
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      layout.columns = static_cast<int64_t>(value_of<uint64_t>(buffer, bytes));
      return;
    case CUBLASLT_MATRIX_LAYOUT_LD:
      layout.stride = value_of<int64_t>(buffer, bytes);
      return;
    default:
      throw Refused{CUBLAS_STATUS_INVALID_VALUE,
                    "The stand-in has no attribute " + std::to_string(name) + " of a layout."};
  }
}

void set_preference(Preference& preference, int name, const void* buffer, size_t bytes) {
  if (name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
    preference.workspace = value_of<uint64_t>(buffer, bytes);
  } else if (name >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES &&
             name <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES) {
    preference.alignments[static_cast<size_t>(name - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)] =
        value_of<uint32_t>(buffer, bytes);
  } else {
    throw Refused{CUBLAS_STATUS_INVALID_VALUE,
                  "The stand-in has no preference " + std::to_string(name) + "."};
  }
}

template <class Table, class Handle, class... Arguments>
cublasStatus_t create(const char* function, Table Tables::* table, Handle* handle, Arguments... arguments) {
  return guarded<cublasStatus_t>(function, [&] {
    if (handle == nullptr) throw Refused{CUBLAS_STATUS_INVALID_VALUE, "The place for the handle is null."};
    if (emulation_refuse_creation(function)) return CUBLAS_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    *handle = (tables().*table).create(arguments...);
    emulation_count(kHeld, 1);
    return CUBLAS_STATUS_SUCCESS;
  });
}

template <class Table, class Handle>
cublasStatus_t destroy(const char* function, Table Tables::* table, Handle handle) {
  return guarded<cublasStatus_t>(function, [&] {
    if (emulation_refuse_creation(function)) return CUBLAS_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    live(tables().*table, handle, "The descriptor");
    (tables().*table).erase(handle);
    emulation_count(kHeld, -1);
    return CUBLAS_STATUS_SUCCESS;
  });
}

struct Status {
  cublasStatus_t status;
  const char* name;
};
constexpr Status kStatuses[] = {{CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS"},
                                {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED"},
                                {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED"},
                                {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE"},
                                {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH"},
                                {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR"},
                                {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED"},
                                {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR"},
                                {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED"},
                                {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR"}};

}  // namespace

Tables& tables() {
  // Never destroyed: the host may still release descriptors while the process ends.
  static Tables& one = *new Tables;
  return one;
}

}  // namespace twofour::emulation::blas

using namespace twofour::emulation;
using namespace twofour::emulation::blas;

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  return create("cublasLtCreate", &Tables::libraries, handle, Library{device});
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return destroy("cublasLtDestroy", &Tables::libraries, handle);
}

size_t cublasLtGetVersion() { return static_cast<size_t>(emulation_setting("cublaslt")); }
size_t cublasLtGetCudartVersion() { return CUDART_VERSION; }

cublasStatus_t cublasLtGetProperty(libraryPropertyType type, int* value) {
  const auto version = static_cast<int>(emulation_setting("cublaslt"));
  *value = type == MAJOR_VERSION   ? version / 10000
           : type == MINOR_VERSION ? version / 100 % 100
                                   : version % 100;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasLtGetStatusName(cublasStatus_t status) {
  for (const Status& row : kStatuses) {
    if (row.status == status) return row.name;
  }
  return "an unknown status";
}
const char* cublasLtGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* handle, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return create("cublasLtMatmulDescCreate", &Tables::operations, handle, Operation{compute, scale, {}});
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle) {
  return destroy("cublasLtMatmulDescDestroy", &Tables::operations, handle);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t name, const void* buffer,
                                              size_t bytes) {
  return guarded<cublasStatus_t>("cublasLtMatmulDescSetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    set_operation(live(tables().operations, handle, "The operation"), name, buffer, bytes);
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* handle, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t stride) {
  return create("cublasLtMatrixLayoutCreate", &Tables::layouts, handle,
                Layout{type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), stride});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle) {
  return destroy("cublasLtMatrixLayoutDestroy", &Tables::layouts, handle);
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t name, const void* buffer,
                                                size_t bytes) {
  return guarded<cublasStatus_t>("cublasLtMatrixLayoutSetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    set_layout(live(tables().layouts, handle, "The layout"), name, buffer, bytes);
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* handle) {
  return create("cublasLtMatmulPreferenceCreate", &Tables::preferences, handle);
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
  return destroy("cublasLtMatmulPreferenceDestroy", &Tables::preferences, handle);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void* buffer, size_t bytes) {
  return guarded<cublasStatus_t>("cublasLtMatmulPreferenceSetAttribute", [&] {
    const std::lock_guard lock(tables().mutex);
    set_preference(live(tables().preferences, handle, "The preference"), name, buffer, bytes);
    return CUBLAS_STATUS_SUCCESS;
  });
}
}
