#pragma once
#include <utility>

#include "cpu/simd.h"

/// Moves of numbers between the lanes of vectors, for simd.h's vectors of any width.
namespace twofour::cpu {
namespace {

template <int W>
using Square = Floats<W>[W];

/// Lanes [First, First + W) of a0 b0 a1 b1 …
template <int W, int First, int... Lane>
TWOFOUR_INLINE Floats<W> interleaved(Floats<W> a, Floats<W> b, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(a, b, ((First + Lane) / 2 + (First + Lane) % 2 * W)...);
}

template <int W, int... Lane>
TWOFOUR_INLINE Floats<W> twice(Floats<W / 2> half, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(half, half, Lane...);
}

/// Every four lanes of a vector are the four numbers at `from`.
template <int W>
TWOFOUR_INLINE Floats<W> repeated(const float* from) {
  if constexpr (W == 4) {
    return load<4>(from);
  } else {
    return twice<W>(repeated<W / 2>(from), std::make_integer_sequence<int, W>{});
  }
}

/// All lanes are number `index` of the four.
template <int W, int Index, int... Lane>
TWOFOUR_INLINE Floats<W> one_of(Floats<W> four, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(four, four, (Lane / 4 * 4 + Index)...);
}

/// A perfect shuffle of the 2ⁿ rows rotates the 2n bits of an element's address (row, lane) by one: n of them
/// swap the row with the lane.
template <int W>
TWOFOUR_INLINE void transpose(Square<W>& rows) {
  using Lanes = std::make_integer_sequence<int, W>;
#pragma GCC unroll 4
  for (int step = 1; step < W; step *= 2) {
    Square<W> next;
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; ++i) {
      next[2 * i] = interleaved<W, 0>(rows[i], rows[i + W / 2], Lanes{});
      next[2 * i + 1] = interleaved<W, W>(rows[i], rows[i + W / 2], Lanes{});
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) rows[i] = next[i];
  }
}

}  // namespace
}  // namespace twofour::cpu
