#pragma once
#include "backend/activation.h"
#include "cuda/kernels/columns.h"

namespace twofour::cuda {

template <class Formula>
__device__ __forceinline__ void each_column(float (&x)[kColumns], const Formula& formula) {
  for (int i = 0; i < kColumns; ++i) x[i] = formula(x[i]);
}

/// x · σ(rate · x): silu, quick_gelu, and gelu_tanh, because (1 + tanh u) / 2 = σ(2 u).
__device__ __forceinline__ float times_logistic(Activation activation, float x) {
  constexpr float kTwiceRootOfTwoByPi = 1.59576912160573f;
  const float rate = activation == Activation::silu         ? 1
                     : activation == Activation::quick_gelu ? 1.702f
                                                            : kTwiceRootOfTwoByPi * (1 + 0.044715f * x * x);
  return x / (1 + expf(-rate * x));
}

/// The formulas of backend/activation.h in fp32. One branch for eight columns.
__device__ __forceinline__ void activate_columns(Activation activation, float (&x)[kColumns]) {
  constexpr float kRootOfHalf = 0.70710678118654752f;
  switch (activation) {
    case Activation::none:
      return;
    case Activation::gelu:
      return each_column(x, [](float v) { return 0.5f * v * (1 + erff(v * kRootOfHalf)); });
    case Activation::relu:
      return each_column(x, [](float v) { return v < 0 ? 0 : v; });
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::quick_gelu:
      return each_column(x, [activation](float v) { return times_logistic(activation, v); });
    case Activation::tanh:
      return each_column(x, [](float v) { return tanhf(v); });
  }
}

}  // namespace twofour::cuda
