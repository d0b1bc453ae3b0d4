#pragma once
#include "device.h"

/// Before a loop of a constant count whose body indexes registers.
#define UNROLL _Pragma("unroll")

/// Eight neighbouring columns of a row, as kernels read and write them: 16 bytes of 16-bit words, twice 16 of
/// fp32. A row's stride is a multiple of eight, so that they never straddle rows.
namespace twofour::cuda {

constexpr int kColumns = 8;

__device__ __forceinline__ void load_columns(const float* from, float (&x)[kColumns]) {
  const auto low = load_global_as<Vector<float, 4>>(from);
  const auto high = load_global_as<Vector<float, 4>>(from + 4);
  for (int i = 0; i < 4; ++i) x[i] = low[i], x[i + 4] = high[i];
}

__device__ __forceinline__ void load_columns(const int32_t* from, int32_t (&x)[kColumns]) {
  const auto low = load_global_as<Vector<int32_t, 4>>(from);
  const auto high = load_global_as<Vector<int32_t, 4>>(from + 4);
  for (int i = 0; i < 4; ++i) x[i] = low[i], x[i + 4] = high[i];
}

template <class T>
__device__ __forceinline__ void load_columns(const T* from, float (&x)[kColumns]) {
  static_assert(sizeof(T) == 2);
  const auto words = load_global_as<Vector<uint32_t, 4>>(from);
  for (int i = 0; i < 4; ++i) {
    x[2 * i] = to_float(T{static_cast<uint16_t>(words[i])});
    x[2 * i + 1] = to_float(T{static_cast<uint16_t>(words[i] >> 16)});
  }
}

__device__ __forceinline__ void store_columns(float* to, const float (&x)[kColumns]) {
  store_global_as(to, Vector<float, 4>{{x[0], x[1], x[2], x[3]}});
  store_global_as(to + 4, Vector<float, 4>{{x[4], x[5], x[6], x[7]}});
}

template <class T>
__device__ __forceinline__ void store_columns(T* to, const float (&x)[kColumns]) {
  store_global_as(to, Vector<uint32_t, 4>{{pack_pair<T>(x[0], x[1]), pack_pair<T>(x[2], x[3]),
                                           pack_pair<T>(x[4], x[5]), pack_pair<T>(x[6], x[7])}});
}

}  // namespace twofour::cuda
