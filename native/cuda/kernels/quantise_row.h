#pragma once
#include <cfloat>
#include <limits>

#include "cuda/kernels/columns.h"
#include "cuda/kernels/kernels.h"

/// Writes a row's final values as a Quantised: the levels of backend/formats.h, by the same operations.
namespace twofour::cuda {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Over a row, as largest values so that one reduction serves: −min(0, x), max(0, x), 1 where x isn't finite.
struct RowRange {
  float below, above, broken;
};

template <class Values>
__device__ __forceinline__ RowRange range_of(const Values& values, size_t width) {
  float range[3] = {0, 0, 0};
  values.each([&](size_t column, const float(&x)[kColumns]) {
    for (int i = 0; i < kColumns; ++i) {
      const float value = column + i < width ? x[i] : 0;
      range[0] = fmaxf(range[0], -value);
      range[1] = fmaxf(range[1], value);
      if (!(fabsf(value) <= FLT_MAX)) range[2] = 1;
    }
  });
  values.team().reduce(range, [](float a, float b) { return fmaxf(a, b); });
  return {range[0], range[1], range[2]};
}

struct Int8Levels {
  float scale = 1;
  int zero = 0;  ///< Of levels 0…255.

  __device__ __forceinline__ explicit Int8Levels(const RowRange& range) {
    const float step = range.above / 255 + range.below / 255;
    if (range.broken != 0) {
      scale = kNaN;
    } else if (step > FLT_MIN) {
      scale = step;
      zero = round_to_int(range.below / step);
    }
  }
  __device__ __forceinline__ uint32_t byte(float x) const {
    const int level = round_to_int(x / scale) + zero;
    return static_cast<uint8_t>((level < 0 ? 0 : level > 255 ? 255 : level) - 128);
  }
};

struct E4m3Levels {
  float scale;

  __device__ __forceinline__ explicit E4m3Levels(const RowRange& range) {
    const float largest = fmaxf(range.below, range.above);
    scale = range.broken != 0 ? kNaN : largest > 0 ? largest / 448 : 1;
  }
  __device__ __forceinline__ uint32_t byte(float x) const { return from_float<E4m3>(x / scale).bits; }
};

/// Of one scale for all rows.
struct Int8Steps {
  float step;

  __device__ __forceinline__ uint32_t byte(float x) const {
    return static_cast<uint8_t>(round_to_int(fminf(fmaxf(x / step, -127.0f), 127.0f)));
  }
};

struct E4m3Steps {
  float step;

  __device__ __forceinline__ uint32_t byte(float x) const { return from_float<E4m3>(x / step).bits; }
};

template <class Values, class Levels>
__device__ __forceinline__ void store_levels(const Values& values, const Levels& levels,
                                             const Quantised& out) {
  uint8_t* row = static_cast<uint8_t*>(out.data) + values.team().row() * out.stride;
  values.each([&](size_t column, const float(&x)[kColumns]) {
    Vector<uint32_t, 2> bytes{{0, 0}};
    for (int i = 0; i < kColumns; ++i) {
      if (column + i < out.width) bytes[i / 4] |= levels.byte(x[i]) << (i % 4 * 8);
    }
    store_global_as(row + column, bytes);
  });
}

/// All threads of the row's team call it, after values.finish().
template <class Values>
__device__ __forceinline__ void quantise_row(const Values& values, const Quantised& out) {
  if (out.step > 0) {
    if (out.word == QuantisedWord::int8) return store_levels(values, Int8Steps{out.step}, out);
    return store_levels(values, E4m3Steps{out.step}, out);
  }
  const RowRange range = range_of(values, out.width);
  const size_t row = values.team().row();
  const bool first = values.team().lane() == 0;
  if (out.word == QuantisedWord::int8) {
    const Int8Levels levels(range);
    if (first) {
      out.scales[row] = levels.scale;
      out.zeros[row] = levels.zero - 128;
    }
    store_levels(values, levels, out);
  } else {
    const E4m3Levels levels(range);
    if (first) out.scales[row] = levels.scale;
    store_levels(values, levels, out);
  }
}

}  // namespace twofour::cuda
