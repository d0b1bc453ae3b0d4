#pragma once
#include "cuda/kernels/columns.h"

namespace twofour::cuda {

/// The Source of rows that lie in memory, [rows, stride] of T.
template <class T>
struct RowsSource {
  const void* data;
  size_t stride;

  __device__ __forceinline__ void load(size_t row, size_t column, float (&x)[kColumns]) const {
    load_columns(static_cast<const T*>(data) + row * stride + column, x);
  }
};

}  // namespace twofour::cuda
