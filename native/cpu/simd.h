#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>

#include "backend/activation.h"

/// Vector arithmetic of any width in the compiler's portable vector types. A kernels_*.cc sets its target
/// before it includes this, so that one source becomes SSE2, AVX2 or AVX-512 code: the compiler splits
/// vectors that the target at the place of definition lacks, inlined or not. Hence the unnamed namespace:
/// each file has its own. Comparisons are written so that NaN stays NaN.
namespace twofour::cpu {
namespace {

#define TWOFOUR_INLINE [[gnu::always_inline]] inline

template <int W>
struct Lanes {
  typedef float F __attribute__((vector_size(W * 4)));
  typedef int32_t I __attribute__((vector_size(W * 4)));
  typedef uint16_t H __attribute__((vector_size(W * 2)));
  typedef uint8_t B __attribute__((vector_size(W)));
};
template <int W>
using Floats = typename Lanes<W>::F;
template <int W>
using Ints = typename Lanes<W>::I;
template <int W>
using Halves = typename Lanes<W>::H;
template <int W>
using Bytes = typename Lanes<W>::B;

template <int W>
TWOFOUR_INLINE Floats<W> load(const float* from) {
  Floats<W> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <int W>
TWOFOUR_INLINE void store(float* to, Floats<W> value) {
  std::memcpy(to, &value, sizeof value);
}
template <int W>
TWOFOUR_INLINE Floats<W> all(float value) {
  return value - Floats<W>{};
}
template <int W>
TWOFOUR_INLINE float sum(Floats<W> value) {
  float total = 0;
  for (int lane = 0; lane < W; ++lane) total += value[lane];
  return total;
}
template <int W>
TWOFOUR_INLINE Ints<W> bits_of(Floats<W> value) {
  return reinterpret_cast<Ints<W>>(value);
}
template <int W>
TWOFOUR_INLINE Floats<W> floats_of(Ints<W> value) {
  return reinterpret_cast<Floats<W>>(value);
}
template <int W>
TWOFOUR_INLINE Floats<W> magnitude(Floats<W> x) {
  return floats_of<W>(bits_of<W>(x) & 0x7fffffff);
}

/// e^x for x clamped to [−87, 88], relative error below 2e-7: x = n·ln 2 + r, Taylor's series to the 7th
/// power on |r| ≤ ln 2 / 2, scaled by 2ⁿ through the exponent bits.
template <int W>
TWOFOUR_INLINE Floats<W> exponential(Floats<W> x) {
  x = x < -87.0f ? all<W>(-87.0f) : x;
  x = x > 88.0f ? all<W>(88.0f) : x;
  // Adding 1.5·2²³ rounds to the nearest whole number and leaves it in the low mantissa bits.
  constexpr float kRound = 12582912.0f;
  const Floats<W> shifted = x * std::numbers::log2e_v<float> + kRound;
  const Floats<W> n = shifted - kRound;
  // ln 2 in two parts, the first short enough for n times it to be exact.
  const Floats<W> r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats<W> series = r * (1.0f / 5040) + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * r + 1.0f;
  series = series * r + 1.0f;
  const Ints<W> exponent = bits_of<W>(shifted) - 0x4b400000 + 127;
  return series * floats_of<W>(exponent << 23);
}

/// 1 − erf(z) for z ≥ 0, absolute error below 2e-7: Abramowitz & Stegun 7.1.26.
template <int W>
TWOFOUR_INLINE Floats<W> complementary_erf(Floats<W> z) {
  const Floats<W> t = 1.0f / (1.0f + z * 0.3275911f);
  Floats<W> p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  return p * t * exponential<W>(-z * z);
}

template <int W>
TWOFOUR_INLINE Floats<W> hyperbolic_tangent(Floats<W> x) {
  const Floats<W> e = exponential<W>(magnitude<W>(x) * -2.0f);
  const Floats<W> t = (1.0f - e) / (1.0f + e);
  return x < 0.0f ? -t : t;
}

template <int W>
TWOFOUR_INLINE Floats<W> sigmoid(Floats<W> x) {
  return 1.0f / (1.0f + exponential<W>(-x));
}

template <int W>
TWOFOUR_INLINE Floats<W> activated(Activation activation, Floats<W> x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::gelu: {
      // x·Φ(x) through the tail on either side, so that nothing cancels.
      const Floats<W> tail =
          x * 0.5f * complementary_erf<W>(magnitude<W>(x) * (std::numbers::sqrt2_v<float> / 2));
      return x < 0.0f ? tail : x - tail;
    }
    case Activation::gelu_tanh: {
      const Floats<W> inner = 0.7978845608f * (x + 0.044715f * x * x * x);
      return 0.5f * x * (1.0f + hyperbolic_tangent<W>(inner));
    }
    case Activation::relu:
      return x < 0.0f ? Floats<W>{} : x;
    case Activation::silu:
      return x * sigmoid<W>(x);
    case Activation::quick_gelu:
      return x * sigmoid<W>(x * 1.702f);
    case Activation::tanh:
      return hyperbolic_tangent<W>(x);
  }
  return x;
}

}  // namespace
}  // namespace twofour::cpu
