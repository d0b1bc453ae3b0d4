#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace twofour {

/// A tensor as bytes somewhere, with what pruning has decided about it. Owns everything it names, except the
/// file. Immutable after it crossed the binding, so any thread may read it.
struct WeightSource {
  std::string name;  ///< In its file, for messages.
  Dtype dtype = Dtype::f32;
  std::vector<size_t> shape;  ///< As stored.
  std::string path;           ///< Empty: the bytes are `data`.
  uint64_t begin = 0;         ///< Absolute offset of the first byte.
  uint64_t file_size = 0;     ///< When the header was read.
  std::vector<std::byte> data;
  std::vector<uint8_t> bits;                          ///< Kept elements over the stored shape; empty: all.
  std::optional<std::vector<int32_t>> rows, columns;  ///< Kept indices, ascending; absent: all.
  bool remove = true;  ///< Gather rows and columns, or (false) zero the others in place.

  size_t stored_elements() const;
  size_t stored_rows() const;     ///< First dimension; 1 for a scalar.
  size_t stored_columns() const;  ///< Product of the others.
  /// After removal.
  size_t result_rows() const;
  size_t result_columns() const;
};

/// Reads, masks and gathers rows of the result. Any number of threads may read at once.
/// Throws Error FILE_NOT_FOUND, FILE_UNREADABLE or FILE_CHANGED (size differs, or the file ends early).
class RowReader {
 public:
  /// `source` is borrowed.
  explicit RowReader(const WeightSource& source);
  ~RowReader();
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  /// Rows [first, first + count) of the result, in the stored dtype.
  std::vector<std::byte> bytes(size_t first, size_t count) const;
  /// The same as fp32, [count, result_columns].
  void floats(size_t first, size_t count, float* out) const;
  /// The same. Also throws PRUNE_NOT_FINITE when an element is not a finite number.
  void finite_floats(size_t first, size_t count, float* out) const;

 private:
  void read_stored(size_t first_row, size_t count, std::byte* out) const;
  bool as_stored() const;

  const WeightSource& source_;
  int fd_ = -1;
};

/// The whole result, in the stored dtype. Throws as RowReader.
std::vector<std::byte> read_bytes(const WeightSource& source);

/// The same as fp32.
std::vector<float> read_floats(const WeightSource& source);

}  // namespace twofour
