#pragma once
#include <cusparseLt.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "emulation/libraries/product.h"
#include "emulation/libraries/refusal.h"

namespace twofour::emulation {
template <>
inline constexpr cusparseStatus_t kNotSupported<cusparseStatus_t> = CUSPARSE_STATUS_NOT_SUPPORTED;
}

namespace twofour::emulation::sparse {

using Refused = Refusal<cusparseStatus_t>;
[[noreturn]] void refuse(cusparseStatus_t status, const std::string& sentence);

/// What lies in an opaque struct of the library: who it is and where it must lie.
struct Stamp {
  uint64_t kind;
  const void* self;
  uint64_t serial;
};

/// What is behind any opaque struct. An object lives until it is destroyed, which its users must be before
/// it.
struct Object {
  virtual ~Object() = default;
  uint64_t serial = 0;
  std::multiset<uint64_t> users;
  std::vector<uint64_t> uses;
};
struct Library : Object {
  static constexpr uint64_t kKind = 0x24'5e'01;
  static constexpr const char* kName = "The handle";
  int device = 0;
};
struct MatrixDescriptor : Object {
  static constexpr uint64_t kKind = 0x24'5e'02;
  static constexpr const char* kName = "The matrix descriptor";
  Matrix matrix;
  bool structured = false;
};
struct MatmulDescriptor : Object {
  static constexpr uint64_t kKind = 0x24'5e'03;
  static constexpr const char* kName = "The matmul descriptor";
  /// A, B, C, D: the structs that were given.
  std::array<const cusparseLtMatDescriptor_t*, 4> matrices{};
  std::array<uint64_t, 4> serials{};
  cusparseOperation_t operation_a{}, operation_b{};
  Product product;
  bool sparse_a = true;
  bool relu = false, gelu = false, alpha_vector = false;
};
struct Selection : Object {
  static constexpr uint64_t kKind = 0x24'5e'04;
  static constexpr const char* kName = "The algorithm selection";
  const cusparseLtMatmulDescriptor_t* matmul = nullptr;
  int id = 0, splits = 1, mode = CUSPARSELT_SPLIT_K_MODE_ONE_KERNEL, buffers = 0, iterations = 5;
};
struct Plan : Object {
  static constexpr uint64_t kKind = 0x24'5e'05;
  static constexpr const char* kName = "The plan";
  const cusparseLtMatmulDescriptor_t* matmul = nullptr;
  const cusparseLtMatmulAlgSelection_t* selection = nullptr;
  int id = 0, splits = 1, mode = CUSPARSELT_SPLIT_K_MODE_ONE_KERNEL;
};

struct Tables {
  std::mutex mutex;
  uint64_t next = 1;
  std::map<uint64_t, std::unique_ptr<Object>> objects;
};
Tables& tables();

/// Matmul descriptors are not counted: the library has nothing to end them with.
template <class T>
void count(int change) {
  if constexpr (!std::is_same_v<T, MatmulDescriptor>) emulation_count("object of cuSPARSELt", change);
}

/// Puts a new object behind an opaque struct. A struct that still holds a live one is refused, unless
/// `again`.
template <class T, class Struct>
T& create(Struct* place, bool again = false);
/// The object behind a struct: refuses one that was not initialised, was destroyed, or was copied or moved.
template <class T, class Struct>
T& live(const Struct* place);
/// Ends an object; refuses while others refer to it.
void end(Object& object, const char* name);
template <class T>
void destroy(T& object) {
  end(object, T::kName);
  count<T>(-1);
}
/// `user` refers to `used` from now on.
void link(Object& user, Object& used);

template <class T, class Struct>
T* find(const Struct* place) {
  Stamp stamp;
  __builtin_memcpy(&stamp, place->data, sizeof(stamp));
  if (stamp.kind != T::kKind) return nullptr;
  const auto found = tables().objects.find(stamp.serial);
  return found == tables().objects.end() ? nullptr : dynamic_cast<T*>(found->second.get());
}

template <class T, class Struct>
T& live(const Struct* place) {
  if (place == nullptr) refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(T::kName) + " is null.");
  Stamp stamp;
  __builtin_memcpy(&stamp, place->data, sizeof(stamp));
  const std::string name = T::kName;
  if (stamp.kind != T::kKind) refuse(CUSPARSE_STATUS_INVALID_VALUE, name + " was not initialised.");
  T* object = find<T>(place);
  if (object == nullptr) refuse(CUSPARSE_STATUS_INVALID_VALUE, name + " was destroyed.");
  if (stamp.self != place)
    refuse(CUSPARSE_STATUS_INVALID_VALUE, name + " was copied or moved, but others refer to where it was.");
  return *object;
}

template <class T, class Struct>
T& create(Struct* place, bool again) {
  if (place == nullptr) refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(T::kName) + " is null.");
  if (T* former = find<T>(place)) {
    if (!again)
      refuse(CUSPARSE_STATUS_INVALID_VALUE,
             std::string(T::kName) + " is initialised twice without being destroyed.");
    destroy(*former);
  }
  auto object = std::make_unique<T>();
  T& made = *object;
  made.serial = tables().next++;
  tables().objects.emplace(made.serial, std::move(object));
  count<T>(1);
  const Stamp stamp{T::kKind, place, made.serial};
  void* whole = place;
  __builtin_memset(whole, 0xA5, sizeof(*place) + static_cast<size_t>(emulation_setting("cusparselt_spill")));
  __builtin_memcpy(place->data, &stamp, sizeof(stamp));
  return made;
}

/// The handle, of the device that is current.
Library& check_library(const cusparseLtHandle_t* handle);
/// The matmul descriptor with all four matrices still as they were.
MatmulDescriptor& check_matmul(const cusparseLtMatmulDescriptor_t* matmul);

/// Types, layouts and sizes that the library has on this device; refuses others.
void check_descriptor(const Matrix& matrix, bool structured, uint32_t alignment);
void check_product(const MatmulDescriptor& matmul, cusparseComputeType compute);
/// One more than the greatest id of a configuration.
int id_limit(const MatmulDescriptor& matmul);
void check_selection(const Selection& selection, const MatmulDescriptor& matmul);
size_t workspace_of(const Plan& plan, const MatmulDescriptor& matmul);

/// What a compressed matrix begins with: where it may be used.
struct Header {
  uint64_t magic;
  int64_t rows, columns, stride;
  int32_t type, row_order, transposed, sparse_a;
  int32_t version, compute;
};
Header header_of(const Matrix& matrix, cusparseOperation_t operation, bool sparse_a);
/// Empty if the buffer was made for the same structured matrix; else a sentence.
std::string why_not(const Header& expected, const void* compressed);
size_t compressed_bytes(const Matrix& matrix);
/// Room that compression needs beside the result.
size_t scratch_bytes(const Matrix& matrix);
/// Compresses now; throws std::runtime_error naming the first group that is not 2:4.
void compress(const Header& header, const Matrix& matrix, void* compressed);
/// The dense form in the matrix's own layout; throws std::runtime_error if the buffer is none of this matrix.
void expand(const Header& header, const void* compressed, const Matrix& dense);
/// True if every group along the inner dimension has zeros enough.
bool is_structured(const Header& header, const Matrix& matrix, std::string& where);

}  // namespace twofour::emulation::sparse
