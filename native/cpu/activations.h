#pragma once
#include <cstdint>

#include "backend/backend.h"
#include "cpu/buffers.h"
#include "cpu/kernels.h"

namespace twofour::cpu {

/// How the rows of an Activations lie in memory for the linears that read them.
enum class Storage : uint8_t {
  rows,              ///< fp32, always there
  bfloat16,          ///< rows of whole 32-bit words
  levels,            ///< 8 bits in rows of whole words, with a scale and a zero point per token
  rounded_bfloat16,  ///< fp32 rows, rounded: for processors without the instruction
  rounded_float8,
  columns,  ///< tiles of Kernels::sparse_tile tokens, transposed: see Kernels::to_columns
};
constexpr size_t kStorages = 6;

/// [tokens, width]. A verb writes fp32 rows and then calls `finish`, which makes the other storages from
/// them.
class CpuActivations final : public Activations {
 public:
  /// `wanted`: bit 1 << storage for each. Throws Error OUT_OF_MEMORY.
  CpuActivations(size_t tokens, size_t width, unsigned wanted, const Kernels& kernels, Buffers& buffers);

  size_t tokens() const override { return tokens_; }
  size_t width() const override { return width_; }
  float* row(size_t token) const { return buffer_.data() + token * width_; }

  /// Whether there is anything to finish.
  bool derived() const { return wanted_ != 0; }
  /// Of rows [begin, end); begin is a multiple of row_block(), end another or the number of tokens.
  void finish(size_t begin, size_t end);
  size_t row_block() const;

  /// The token's row in a storage that was wanted; of columns, the tile that it begins.
  const void* stored(Storage storage, size_t token) const { return at(storage, token); }
  /// Of Storage::levels, [tokens] each.
  const float* scales() const { return buffer_.data() + scales_; }
  const int32_t* zeros() const { return reinterpret_cast<const int32_t*>(scales() + tokens_); }

 private:
  std::byte* at(Storage storage, size_t token) const;

  size_t tokens_, width_;
  unsigned wanted_;
  const Kernels& kernels_;
  /// In floats from the buffer's begin, where the storage is there.
  size_t offset_[kStorages] = {}, scales_ = 0;
  Buffers::Buffer buffer_;
};

/// Bytes of one row.
size_t row_bytes(Storage storage, size_t width);

// A backend only ever gets back what it made.
inline const CpuActivations& own(const Activations& a) { return static_cast<const CpuActivations&>(a); }
inline CpuActivations& own(Activations& a) { return static_cast<CpuActivations&>(a); }

}  // namespace twofour::cpu
