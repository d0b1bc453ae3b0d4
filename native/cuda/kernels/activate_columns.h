#pragma once
#include "backend/activation.h"
#include "cuda/kernels/columns.h"

namespace twofour::cuda {

template <class Formula>
__device__ __forceinline__ void each_column(float (&x)[kColumns], const Formula& formula) {
  for (int i = 0; i < kColumns; ++i) x[i] = formula(x[i]);
}

/// The formulas of backend/activation.h in fp32. One branch for eight columns.
__device__ __forceinline__ void activate_columns(Activation activation, float (&x)[kColumns]) {
  constexpr float kRootOfHalf = 0.70710678118654752f, kRootOfTwoByPi = 0.79788456080286536f;
  switch (activation) {
    case Activation::none:
      return;
    case Activation::gelu:
      return each_column(x, [](float v) { return 0.5f * v * (1 + erff(v * kRootOfHalf)); });
    case Activation::gelu_tanh:
      return each_column(
          x, [](float v) { return 0.5f * v * (1 + tanhf(kRootOfTwoByPi * (v + 0.044715f * v * v * v))); });
    case Activation::relu:
      return each_column(x, [](float v) { return v < 0 ? 0 : v; });
    case Activation::silu:
      return each_column(x, [](float v) { return v / (1 + expf(-v)); });
    case Activation::quick_gelu:
      return each_column(x, [](float v) { return v / (1 + expf(-1.702f * v)); });
    case Activation::tanh:
      return each_column(x, [](float v) { return tanhf(v); });
  }
}

}  // namespace twofour::cuda
