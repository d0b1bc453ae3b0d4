// cuSPARSELt: what is behind its opaque structs, the handle and the matrix descriptors.
#include <cuda_runtime_api.h>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"

namespace twofour::emulation::sparse {
namespace {

cusparseStatus_t init_descriptor(const char* function, const cusparseLtHandle_t* handle,
                                 cusparseLtMatDescriptor_t* place, const Matrix& matrix, uint32_t alignment,
                                 bool structured) {
  return guarded<cusparseStatus_t>(function, [&] {
    if (emulation_refuse_creation(function)) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    Library& library = check_library(handle);
    check_descriptor(matrix, structured, alignment);
    auto& descriptor = create<MatrixDescriptor>(place);
    descriptor.matrix = matrix;
    descriptor.structured = structured;
    link(descriptor, library);
    return CUSPARSE_STATUS_SUCCESS;
  });
}

struct Status {
  cusparseStatus_t status;
  const char* name;
};
constexpr Status kStatuses[] = {
    {CUSPARSE_STATUS_SUCCESS, "CUSPARSE_STATUS_SUCCESS"},
    {CUSPARSE_STATUS_NOT_INITIALIZED, "CUSPARSE_STATUS_NOT_INITIALIZED"},
    {CUSPARSE_STATUS_ALLOC_FAILED, "CUSPARSE_STATUS_ALLOC_FAILED"},
    {CUSPARSE_STATUS_INVALID_VALUE, "CUSPARSE_STATUS_INVALID_VALUE"},
    {CUSPARSE_STATUS_ARCH_MISMATCH, "CUSPARSE_STATUS_ARCH_MISMATCH"},
    {CUSPARSE_STATUS_EXECUTION_FAILED, "CUSPARSE_STATUS_EXECUTION_FAILED"},
    {CUSPARSE_STATUS_INTERNAL_ERROR, "CUSPARSE_STATUS_INTERNAL_ERROR"},
    {CUSPARSE_STATUS_NOT_SUPPORTED, "CUSPARSE_STATUS_NOT_SUPPORTED"},
    {CUSPARSE_STATUS_INSUFFICIENT_RESOURCES, "CUSPARSE_STATUS_INSUFFICIENT_RESOURCES"}};

}  // namespace

void refuse(cusparseStatus_t status, const std::string& sentence) { throw Refused{status, sentence}; }

Tables& tables() {
  // Never destroyed: the host may still release descriptors while the process ends.
  static Tables& one = *new Tables;
  return one;
}

void link(Object& user, Object& used) {
  used.users.insert(user.serial);
  user.uses.push_back(used.serial);
}

void end(Object& object, const char* name) {
  if (!object.users.empty()) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE,
           std::string(name) +
               " is destroyed before what refers to it: destroy plan, algorithm "
               "selection, matrix descriptors and handle in this order.");
  }
  for (const uint64_t serial : object.uses) {
    const auto used = tables().objects.find(serial);
    if (used == tables().objects.end()) continue;
    auto& users = used->second->users;
    if (const auto one = users.find(object.serial); one != users.end()) users.erase(one);
  }
  tables().objects.erase(object.serial);
}

Library& check_library(const cusparseLtHandle_t* handle) {
  Library& library = live<Library>(handle);
  int device = -1;
  if (cudaGetDevice(&device) != cudaSuccess) refuse(CUSPARSE_STATUS_EXECUTION_FAILED, "The device is lost.");
  if (device != library.device)
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The handle belongs to another device than the current one.");
  return library;
}

}  // namespace twofour::emulation::sparse

using namespace twofour::emulation;
using namespace twofour::emulation::sparse;

extern "C" {

cusparseStatus_t cusparseLtInit(cusparseLtHandle_t* handle) {
  return guarded<cusparseStatus_t>("cusparseLtInit", [&] {
    if (emulation_refuse_creation("cusparseLtInit")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    int device = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return CUSPARSE_STATUS_NOT_INITIALIZED;
    if (emulation_setting("compute") < 80) return CUSPARSE_STATUS_ARCH_MISMATCH;
    const std::lock_guard lock(tables().mutex);
    create<Library>(handle).device = device;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtDestroy(const cusparseLtHandle_t* handle) {
  return guarded<cusparseStatus_t>("cusparseLtDestroy", [&] {
    if (emulation_refuse_creation("cusparseLtDestroy")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    destroy(live<Library>(handle));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtGetVersion(const cusparseLtHandle_t*, int* version) {
  *version = static_cast<int>(emulation_setting("cusparselt"));
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t cusparseLtGetProperty(libraryPropertyType type, int* value) {
  const auto version = static_cast<int>(emulation_setting("cusparselt"));
  *value = type == MAJOR_VERSION   ? version / 1000
           : type == MINOR_VERSION ? version / 100 % 10
                                   : version % 100;
  return CUSPARSE_STATUS_SUCCESS;
}

const char* cusparseLtGetErrorName(cusparseStatus_t status) {
  for (const Status& row : kStatuses) {
    if (row.status == status) return row.name;
  }
  return "an unknown status";
}
const char* cusparseLtGetErrorString(cusparseStatus_t status) { return cusparseLtGetErrorName(status); }

cusparseStatus_t cusparseLtDenseDescriptorInit(const cusparseLtHandle_t* handle,
                                               cusparseLtMatDescriptor_t* place, int64_t rows,
                                               int64_t columns, int64_t stride, uint32_t alignment,
                                               cudaDataType type, cusparseOrder_t order) {
  return init_descriptor("cusparseLtDenseDescriptorInit", handle, place,
                         {nullptr, type, rows, columns, stride, order == CUSPARSE_ORDER_ROW}, alignment,
                         false);
}

cusparseStatus_t cusparseLtStructuredDescriptorInit(const cusparseLtHandle_t* handle,
                                                    cusparseLtMatDescriptor_t* place, int64_t rows,
                                                    int64_t columns, int64_t stride, uint32_t alignment,
                                                    cudaDataType type, cusparseOrder_t order,
                                                    cusparseLtSparsity_t) {
  return init_descriptor("cusparseLtStructuredDescriptorInit", handle, place,
                         {nullptr, type, rows, columns, stride, order == CUSPARSE_ORDER_ROW}, alignment,
                         true);
}

cusparseStatus_t cusparseLtMatDescriptorDestroy(const cusparseLtMatDescriptor_t* place) {
  return guarded<cusparseStatus_t>("cusparseLtMatDescriptorDestroy", [&] {
    if (emulation_refuse_creation("cusparseLtMatDescriptorDestroy")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    destroy(live<MatrixDescriptor>(place));
    return CUSPARSE_STATUS_SUCCESS;
  });
}
}
