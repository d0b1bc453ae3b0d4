#pragma once
#include "cuda/kernels/columns.h"
#include "cuda/kernels/kernels.h"

namespace twofour::cuda {

/// The Finish of LayerNorm: (x − mean) / √(variance + ε) · gain + bias, the mean first and then the variance
/// around it, both in fp32.
struct LayerNorm {
  NormWeights weights;
  float mean = 0, factor = 0;

  template <class Values>
  __device__ __forceinline__ void measure(const Values& values, size_t width) {
    const float count = static_cast<float>(width);
    mean = values.sum(width, [](float x) { return x; }) / count;
    const float average = mean;
    const float squares = values.sum(width, [average](float x) { return (x - average) * (x - average); });
    factor = 1 / sqrtf(squares / count + weights.epsilon);
  }
  __device__ __forceinline__ void apply(size_t, size_t column, float (&x)[kColumns]) const {
    float gain[kColumns], bias[kColumns];
    load_columns(weights.gain + column, gain);
    load_columns(weights.bias + column, bias);
    for (int i = 0; i < kColumns; ++i) x[i] = (x[i] - mean) * factor * gain[i] + bias[i];
  }
};

/// The Finish that divides a row by its Euclidean length; a zero row stays zero.
struct UnitLength {
  bool wanted;
  float factor = 1;

  template <class Values>
  __device__ __forceinline__ void measure(const Values& values, size_t width) {
    if (!wanted) return;
    const float squares = values.sum(width, [](float x) { return x * x; });
    if (squares > 0) factor = 1 / sqrtf(squares);
  }
  __device__ __forceinline__ void apply(size_t, size_t, float (&x)[kColumns]) const {
    for (int i = 0; i < kColumns; ++i) x[i] *= factor;
  }
};

}  // namespace twofour::cuda
