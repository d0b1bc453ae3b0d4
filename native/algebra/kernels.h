#pragma once
#include <cstddef>
#include <span>

#include "base/isa.h"

namespace twofour::algebra {

/// What a product is made of: a tile of sums that lives in registers while the depth runs past.
template <class T>
struct TileKernel {
  size_t rows, columns;  ///< Of the tile.
  /// out [rows, columns] = Σ over depth; a [depth, rows], b [depth, columns], rows of `out` `stride` apart.
  void (*multiply)(size_t depth, const T* a, const T* b, T* out, size_t stride);
};

/// Of one width of vectors. The same source gives each of them (kernel_bodies.h).
struct Kernels {
  Vectors vectors;
  TileKernel<float> floats;
  TileKernel<double> doubles;
};

// One file each.
Kernels portable_kernels();
Kernels avx2_kernels();
Kernels avx512_kernels();

/// Those of `choose_isa`, asked once in a process: TWOFOUR_ISA is not looked at again. Throws what that
/// throws.
const Kernels& chosen_kernels();
/// What products of T are made of.
template <class T>
const TileKernel<T>& tile_kernel(const Kernels& kernels);
template <>
inline const TileKernel<float>& tile_kernel(const Kernels& kernels) {
  return kernels.floats;
}
template <>
inline const TileKernel<double>& tile_kernel(const Kernels& kernels) {
  return kernels.doubles;
}

/// Widest first; the last runs anywhere. Not all may run here.
std::span<const Kernels> all_kernels();

}  // namespace twofour::algebra
