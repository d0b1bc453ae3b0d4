#pragma once
#include "cpu/kernels.h"
#include "cpu/simd.h"

/// What a tile of sums is made of, by number format: lanes of 32-bit words, how a word of an input row meets
/// a word of a row of W, and what the sum is worth. Included like simd.h, under the target of its file.
namespace twofour::cpu {
namespace {

template <int W>
struct Float32 {
  static constexpr int kLanes = W;
  using Word = float;
  using Words = Floats<W>;
  using Sum = Floats<W>;
  TWOFOUR_INLINE static Sum dot(Sum sum, Words x, Words w) { return sum + x * w; }
  TWOFOUR_INLINE static Floats<W> value(Sum sum, const LinearBlock&, size_t, size_t) { return sum; }
};

/// Four levels to a word: 0…255 of inputs, −127…127 of weights. Dot4::dot adds the four products exactly.
template <int W, class Dot4>
struct Levels8 {
  static constexpr int kLanes = W;
  using Word = int32_t;
  using Words = Ints<W>;
  using Sum = Ints<W>;
  TWOFOUR_INLINE static Sum dot(Sum sum, Words x, Words w) { return Dot4::dot(sum, x, w); }
  TWOFOUR_INLINE static Floats<W> value(Sum sum, const LinearBlock& block, size_t token, size_t row) {
    Ints<W> sums;
    std::memcpy(&sums, block.row_sums + row, sizeof sums);
    const Ints<W> exact = sum - sums * block.token_zeros[token];
    return __builtin_convertvector(exact, Floats<W>) *
           (load<W>(block.row_scales + row) * block.token_scales[token]);
  }
};

/// Byte by byte, in the compiler's vectors.
template <int W>
struct PlainDot4 {
  TWOFOUR_INLINE static Ints<W> dot(Ints<W> sum, Ints<W> x, Ints<W> w) {
    return sum + (x & 255) * (w << 24 >> 24) + (x >> 8 & 255) * (w << 16 >> 24) +
           (x >> 16 & 255) * (w << 8 >> 24) + (x >> 24 & 255) * (w >> 24);
  }
};

}  // namespace
}  // namespace twofour::cpu
