#include "algebra/multiply.h"

#include <algorithm>

namespace twofour::algebra {
namespace {

/// Depth of what is packed at a time: a panel of it and the tile's rows stay in a core's first cache.
constexpr size_t kDepth = 256;
/// Rows and columns of a block, whole tiles of every kernel: its panels and sums stay in the second cache.
constexpr size_t kBlock = 96;

/// Tile by tile; sums [kBlock, kBlock].
template <class T>
void multiply_block(const TileKernel<T>& kernel, const Panels<T>& a, const Panels<T>& b, size_t depth,
                    size_t row, size_t column, T* sums) {
  const size_t last_a = std::min(a.count(), (row + kBlock) / kernel.rows);
  const size_t last_b = std::min(b.count(), (column + kBlock) / kernel.columns);
  for (size_t left = row / kernel.rows; left < last_a; ++left) {
    for (size_t right = column / kernel.columns; right < last_b; ++right) {
      kernel.multiply(depth, a.panel(left), b.panel(right),
                      sums + (left * kernel.rows - row) * kBlock + (right * kernel.columns - column), kBlock);
    }
  }
}

template <class T>
void add_block(const T* sums, size_t rows, size_t columns, T scale, T* c, size_t c_stride) {
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column)
      c[row * c_stride + column] += scale * sums[row * kBlock + column];
  }
}

template <class T>
void add_transposed_block(const T* sums, size_t rows, size_t columns, T scale, T* c, size_t c_stride) {
  for (size_t column = 0; column < columns; ++column) {
    for (size_t row = 0; row < rows; ++row) c[column * c_stride + row] += scale * sums[row * kBlock + column];
  }
}

}  // namespace

template <class T>
void multiply(const Kernels& kernels, const Operand<T>& a, const Operand<T>& b, T scale, T* c,
              size_t c_stride, Part part, ThreadPool& pool) {
  if (a.lines == 0 || b.lines == 0 || a.depth == 0) return;
  const TileKernel<T>& kernel = tile_kernel<T>(kernels);
  Panels<T> left(a, kernel.rows, kDepth), right(b, kernel.columns, kDepth);
  Buffer<T> sums(pool.size() * kBlock * kBlock);
  const size_t down = (a.lines + kBlock - 1) / kBlock, across = (b.lines + kBlock - 1) / kBlock;
  for (size_t begin = 0; begin < a.depth; begin += kDepth) {
    const size_t end = std::min(begin + kDepth, a.depth);
    left.pack(begin, end, pool);
    right.pack(begin, end, pool);
    pool.run(down * across, [&](size_t block, size_t worker) {
      const size_t row = block / across * kBlock, column = block % across * kBlock;
      if (part != Part::all && column > row) return;
      T* mine = sums.data() + worker * kBlock * kBlock;
      multiply_block(kernel, left, right, end - begin, row, column, mine);
      const size_t rows = std::min(kBlock, a.lines - row), columns = std::min(kBlock, b.lines - column);
      add_block(mine, rows, columns, scale, c + row * c_stride + column, c_stride);
      if (part == Part::mirrored && column < row)
        add_transposed_block(mine, rows, columns, scale, c + column * c_stride + row, c_stride);
    });
  }
}

template void multiply(const Kernels&, const Operand<float>&, const Operand<float>&, float, float*, size_t,
                       Part, ThreadPool&);
template void multiply(const Kernels&, const Operand<double>&, const Operand<double>&, double, double*,
                       size_t, Part, ThreadPool&);

}  // namespace twofour::algebra
