#pragma once
#include <cstddef>
#include <cstring>

#include "algebra/kernels.h"

/// The inner loop, written once in the compiler's portable vectors. As in native/cpu, each kernels_*.cc sets
/// its target before it includes this and has a copy of its own (docs/decisions/0001).
namespace twofour::algebra {
namespace {

template <class T, int W>
struct VectorOf {
  typedef T Type __attribute__((vector_size(W * sizeof(T))));
};

/// R rows of V vectors of W lanes.
template <class T, int W, int V, int R>
void multiply_tile(size_t depth, const T* a, const T* b, T* out, size_t stride) {
  using Vector = typename VectorOf<T, W>::Type;
  Vector sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[r][v] = Vector{};
  }
  for (size_t k = 0; k < depth; ++k, a += R, b += W * V) {
    Vector right[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) std::memcpy(&right[v], b + v * W, sizeof right[v]);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vector left = a[r] - Vector{};
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) std::memcpy(out + r * stride + v * W, &sums[r][v], sizeof sums[r][v]);
  }
}

/// `Bytes` of a vector, V of them beside each other, R rows of them in a tile.
template <int Bytes, int V, int R>
Kernels make_kernels(Vectors vectors) {
  constexpr int kFloats = Bytes / 4, kDoubles = Bytes / 8;
  return {.vectors = vectors,
          .floats = {R, kFloats * V, multiply_tile<float, kFloats, V, R>},
          .doubles = {R, kDoubles * V, multiply_tile<double, kDoubles, V, R>}};
}

}  // namespace
}  // namespace twofour::algebra
