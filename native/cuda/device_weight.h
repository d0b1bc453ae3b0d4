#pragma once
#include <optional>

#include "cuda/context.h"

namespace twofour::cuda {

/// W [rows, columns] and its bias on the device, in a format's numbers: [stride_of(rows),
/// stride_of(columns)] with zeros behind the rows and columns, so that no size is refused by a library.
struct DeviceWeight {
  size_t rows = 0, columns = 0;
  size_t padded_rows = 0, stride = 0;
  Arena::Block values{};
  size_t bytes = 0;           ///< Of `values`.
  Arena::Block bias{};        ///< [padded_rows] in the format's word; fp32 for 8 bits.
  Arena::Block row_scales{};  ///< [padded_rows] fp32, of 8 bits.
  Arena::Block row_sums{};    ///< [padded_rows] int32, of int8.
  size_t nonzeros = 0;        ///< As stored, before rounding.
  /// The first row with more than two weights in one of its groups of four; none: it is 2:4.
  std::optional<size_t> offending_row{};
};

/// Reads, rounds as backend/formats.h says, and copies, a part at a time.
DeviceWeight load_weight(Context& context, const LinearWeights& weights);

}  // namespace twofour::cuda
