#pragma once
#include <cublasLt.h>

#include <array>
#include <map>
#include <mutex>
#include <string>

#include "emulation/libraries/product.h"
#include "emulation/libraries/refusal.h"
#include "emulation/runtime/handles.h"

namespace twofour::emulation {
template <>
inline constexpr cublasStatus_t kNotSupported<cublasStatus_t> = CUBLAS_STATUS_NOT_SUPPORTED;
}

namespace twofour::emulation::blas {

using Refused = Refusal<cublasStatus_t>;

struct Library {
  int device;
};
struct Operation {
  cublasComputeType_t compute;
  cudaDataType scale;
  /// Attributes that were set, as the bytes that were given.
  std::map<int, std::string> attributes;
};
struct Layout {
  cudaDataType type;
  int64_t rows, columns, stride;
  int32_t order = CUBLASLT_ORDER_COL;
};
struct Preference {
  uint64_t workspace = 0;
  std::array<uint32_t, 4> alignments{256, 256, 256, 256};
};

/// Descriptors are handles of tables, not memory, so that use after destroy is always seen.
struct Tables {
  std::mutex mutex;
  Handles<cublasLtHandle_t, Library> libraries{5};
  Handles<cublasLtMatmulDesc_t, Operation> operations{6};
  Handles<cublasLtMatrixLayout_t, Layout> layouts{7};
  Handles<cublasLtMatmulPreference_t, Preference> preferences{8};
};
Tables& tables();

/// The object of a handle; refuses one that was never created or was destroyed.
template <class Table, class Handle>
auto& live(const Table& table, Handle handle, const char* what) {
  auto* object = table.find(handle);
  if (object == nullptr)
    throw Refused{CUBLAS_STATUS_INVALID_VALUE, std::string(what) + " was never created, or was destroyed."};
  return *object;
}

/// A problem: what a product is made of, but for the pointers.
struct Problem {
  const Operation* operation;
  const Layout *a, *b, *c, *d;
};

/// An attribute of an operation, or `standard` where it was not set.
template <class T>
T attribute(const Operation& operation, cublasLtMatmulDescAttributes_t name, T standard) {
  const auto found = operation.attributes.find(name);
  if (found == operation.attributes.end()) return standard;
  T value;
  __builtin_memcpy(&value, found->second.data(), sizeof(T));
  return value;
}

/// The product without pointers; refuses what the library does not have on this device.
Product check_problem(const Problem& problem);
/// Type of the elements of the bias.
cudaDataType bias_type_of(const Problem& problem);

/// What cublasLtMatmulAlgo_t holds here.
struct Algorithm {
  uint64_t magic;
  uint32_t id, splits;
  uint64_t kinds;
  uint32_t alignment[4];
  uint64_t unused[2];
  uint64_t seal;
};
static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));

/// The `rank`-th best of the algorithms for a problem; none that needs more than the allowed workspace.
Algorithm algorithm_of(const Problem& problem, const Preference& preference, uint32_t id);
/// Refuses an algorithm that was not made by the library, or for other types, layouts or operations.
Algorithm check_algorithm(const cublasLtMatmulAlgo_t& algo, const Problem& problem);
size_t workspace_of(const Algorithm& algorithm, const Problem& problem);
double slowness_of(const Algorithm& algorithm);
constexpr uint32_t kAlgorithms = 4;

}  // namespace twofour::emulation::blas
