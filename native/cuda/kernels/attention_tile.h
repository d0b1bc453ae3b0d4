#pragma once
#include "cuda/kernels/columns.h"

namespace twofour::cuda {

/// How rows of one head lie in shared memory: kSize columns (the head's size rounded up to 16) in chunks of
/// 16 bytes, so that the eight rows that a matrix load reads at once begin in different banks: chunks are
/// swapped by the row where eight or sixteen fill it, else rows are one chunk longer.
template <int kSize>
struct TileLayout {
  static constexpr int kChunks = kSize / kColumns;
  static constexpr bool kSwapped = kChunks % 8 == 0;
  static constexpr int kStride = kSwapped ? kSize : kSize + kColumns;

  __device__ __forceinline__ static int element(int row, int chunk) {
    return row * kStride + (kSwapped ? chunk ^ (row & 7) : chunk) * kColumns;
  }
};

/// Rows of one head in global memory: row i begins at first + i · stride.
template <class T>
struct HeadRows {
  const T* first;
  size_t stride;
  int rows, head_size;
};

/// Copies kRows rows to `tile` from `offset` on, zeros where the head has no row or column. The copies are
/// there after the block's next copy_async_wait and barrier.
template <int kRows, int kSize, int kThreads, class T>
__device__ __forceinline__ void load_tile(const SharedArray<T>& tile, int offset, const HeadRows<T>& from) {
  using Layout = TileLayout<kSize>;
  // Then every chunk begins at a multiple of 16 bytes and is within the head or beyond it.
  const bool whole_chunks = from.head_size % kColumns == 0;
  UNROLL for (int i = threadIdx.x; i < kRows * Layout::kChunks; i += kThreads) {
    const int row = i / Layout::kChunks, chunk = i % Layout::kChunks;
    const int to = offset + Layout::element(row, chunk), column = chunk * kColumns;
    const T* place = from.first + static_cast<size_t>(row) * from.stride + column;
    if (whole_chunks) {
      const bool valid = row < from.rows && column < from.head_size;
      copy_async16(tile.at(to), valid ? place : from.first, valid);
    } else {
      Vector<uint32_t, 4> words{{0, 0, 0, 0}};
      for (int j = 0; j < kColumns; ++j) {
        if (row < from.rows && column + j < from.head_size)
          words[j / 2] |= static_cast<uint32_t>(place[j].bits) << (j % 2 * 16);
      }
      tile.store_as(to, words);
    }
  }
}

}  // namespace twofour::cuda
