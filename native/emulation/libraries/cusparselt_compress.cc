// cuSPARSELt: checking and compressing structured matrices.
#include <cuda_runtime_api.h>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"
#include "emulation/runtime/enqueue.h"

namespace twofour::emulation::sparse {
namespace {

/// The structured operand of a product or of the functions that need no plan.
struct Structured {
  Matrix matrix;
  Header header;
};

Structured structured_of(const MatmulDescriptor& matmul) {
  const Matrix& matrix = matmul.sparse_a ? matmul.product.a : matmul.product.b;
  const auto operation = matmul.sparse_a ? matmul.operation_a : matmul.operation_b;
  return {matrix, header_of(matrix, operation, matmul.sparse_a)};
}

Structured structured_of(const cusparseLtMatDescriptor_t* place, int sparse_a,
                         cusparseOperation_t operation) {
  const MatrixDescriptor& descriptor = live<MatrixDescriptor>(place);
  if (!descriptor.structured)
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The matrix descriptor is not of a structured matrix.");
  return {descriptor.matrix, header_of(descriptor.matrix, operation, sparse_a != 0)};
}

void check_pointer(const void* pointer, const char* what) {
  if (pointer == nullptr) refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(what) + " is null.");
  if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(what) + " is not aligned to 16 bytes.");
  }
}

cusparseStatus_t given(int status) {
  return status == cudaSuccess ? CUSPARSE_STATUS_SUCCESS : CUSPARSE_STATUS_EXECUTION_FAILED;
}

cusparseStatus_t queue_check(Structured structured, const void* dense, int* valid, cudaStream_t stream) {
  check_pointer(dense, "The matrix");
  structured.matrix.data = const_cast<void*>(dense);
  return given(enqueue_work(
      stream, "cusparseLtSpMMAPruneCheck",
      [=] {
        std::string where;
        *valid = is_structured(structured.header, structured.matrix, where) ? 0 : 1;
      },
      {use_of(structured.matrix, false, "the matrix to check"),
       {valid, sizeof(int), 1, "the result of the check"}},
      5000));
}

cusparseStatus_t queue_compress(Structured structured, const void* dense, void* compressed, void* scratch,
                                cudaStream_t stream) {
  check_pointer(dense, "The matrix");
  check_pointer(compressed, "The place for the compressed matrix");
  check_pointer(scratch, "The buffer for compression");
  structured.matrix.data = const_cast<void*>(dense);
  return given(enqueue_work(
      stream, "cusparseLtSpMMACompress",
      [=] {
        __builtin_memset(scratch, 0xFF, scratch_bytes(structured.matrix));
        compress(structured.header, structured.matrix, compressed);
      },
      {use_of(structured.matrix, false, "the matrix to compress"),
       {compressed, compressed_bytes(structured.matrix), 1, "the compressed matrix"},
       {scratch, scratch_bytes(structured.matrix), 1, "the buffer for compression"}},
      10000));
}

cusparseStatus_t give_sizes(const Matrix& matrix, size_t* result, size_t* scratch) {
  *result = compressed_bytes(matrix);
  *scratch = scratch_bytes(matrix);
  return CUSPARSE_STATUS_SUCCESS;
}

template <class Body>
cusparseStatus_t with_library(const char* function, const cusparseLtHandle_t* handle, const Body& body) {
  return guarded<cusparseStatus_t>(function, [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    return body();
  });
}

}  // namespace
}  // namespace twofour::emulation::sparse

using namespace twofour::emulation;
using namespace twofour::emulation::sparse;

extern "C" {

cusparseStatus_t cusparseLtSpMMAPruneCheck(const cusparseLtHandle_t* handle,
                                           const cusparseLtMatmulDescriptor_t* matmul, const void* dense,
                                           int* valid, cudaStream_t stream) {
  return with_library("cusparseLtSpMMAPruneCheck", handle,
                      [&] { return queue_check(structured_of(check_matmul(matmul)), dense, valid, stream); });
}

cusparseStatus_t cusparseLtSpMMAPruneCheck2(const cusparseLtHandle_t* handle,
                                            const cusparseLtMatDescriptor_t* matrix, int sparse_a,
                                            cusparseOperation_t operation, const void* dense, int* valid,
                                            cudaStream_t stream) {
  return with_library("cusparseLtSpMMAPruneCheck2", handle, [&] {
    return queue_check(structured_of(matrix, sparse_a, operation), dense, valid, stream);
  });
}

cusparseStatus_t cusparseLtSpMMACompressedSize(const cusparseLtHandle_t* handle,
                                               const cusparseLtMatmulPlan_t* plan, size_t* result,
                                               size_t* scratch) {
  return with_library("cusparseLtSpMMACompressedSize", handle, [&] {
    return give_sizes(structured_of(check_matmul(live<Plan>(plan).matmul)).matrix, result, scratch);
  });
}

cusparseStatus_t cusparseLtSpMMACompressedSize2(const cusparseLtHandle_t* handle,
                                                const cusparseLtMatDescriptor_t* matrix, size_t* result,
                                                size_t* scratch) {
  return with_library("cusparseLtSpMMACompressedSize2", handle, [&] {
    return give_sizes(structured_of(matrix, 1, CUSPARSE_OPERATION_NON_TRANSPOSE).matrix, result, scratch);
  });
}

cusparseStatus_t cusparseLtSpMMACompress(const cusparseLtHandle_t* handle, const cusparseLtMatmulPlan_t* plan,
                                         const void* dense, void* compressed, void* scratch,
                                         cudaStream_t stream) {
  return with_library("cusparseLtSpMMACompress", handle, [&] {
    return queue_compress(structured_of(check_matmul(live<Plan>(plan).matmul)), dense, compressed, scratch,
                          stream);
  });
}

cusparseStatus_t cusparseLtSpMMACompress2(const cusparseLtHandle_t* handle,
                                          const cusparseLtMatDescriptor_t* matrix, int sparse_a,
                                          cusparseOperation_t operation, const void* dense, void* compressed,
                                          void* scratch, cudaStream_t stream) {
  return with_library("cusparseLtSpMMACompress2", handle, [&] {
    return queue_compress(structured_of(matrix, sparse_a, operation), dense, compressed, scratch, stream);
  });
}
}
