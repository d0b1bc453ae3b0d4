#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include "backend/formats.h"
#include "device.h"
// After device.h, as there.
#include "cuda/device/e4m3.h"
#include "emulation/tests/emulator/parts.h"

namespace twofour::emulation {
namespace {

using cuda::Bfloat16;
using cuda::E4m3;
using cuda::from_float;
using cuda::Half;
using cuda::to_float;

/// A format of `exponent` and `mantissa` bits, in doubles, whose products and sums here are exact.
struct Plain {
  int exponent, mantissa;

  int bias() const { return (1 << (exponent - 1)) - 1; }
  double value(uint32_t bits) const {
    const double sign = bits >> (exponent + mantissa) & 1 ? -1 : 1;
    const int e = static_cast<int>(bits >> mantissa) & ((1 << exponent) - 1);
    const double fraction = std::ldexp(bits & ((1u << mantissa) - 1), -mantissa);
    return sign * (e == 0 ? std::ldexp(fraction, 1 - bias()) : std::ldexp(1 + fraction, e - bias()));
  }
  /// Without an end: the largest number is for the caller to know.
  double nearest(double x) const {
    const int e = x == 0 ? 1 - bias() : std::max(std::ilogb(x), 1 - bias());
    const double step = std::ldexp(1, e - mantissa);
    return std::copysign(std::nearbyint(std::fabs(x) / step) * step, x);
  }
};

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

double nearest_half(double x) {
  const double nearest = Plain{5, 10}.nearest(x);
  return std::fabs(nearest) > 65504 ? std::copysign(INFINITY, x) : nearest;
}
double nearest_bfloat16(double x) {
  const double nearest = Plain{8, 7}.nearest(x);
  return std::fabs(nearest) >= 0x1p128 ? std::copysign(INFINITY, x) : nearest;
}
double nearest_e4m3(double x) {
  const double nearest = Plain{4, 3}.nearest(x);
  return std::fabs(nearest) > 448 ? std::copysign(448.0, x) : nearest;
}

/// All values that `bits` bits can have are read as Plain says and come back as they were.
template <class T>
void check_values(Checks& checks, const std::string& name, Plain plain, uint32_t first_special) {
  uint32_t wrong = 0, first = 0;
  for (uint32_t bits = 0; bits < 1u << 8 * sizeof(T); ++bits) {
    T x{};
    x.bits = static_cast<decltype(x.bits)>(bits);
    const float value = to_float(x);
    const uint32_t magnitude = bits & ((1u << (8 * sizeof(T) - 1)) - 1);
    bool good = same(value, plain.value(bits)) && from_float<T>(value).bits == bits;
    if (magnitude > first_special) good = std::isnan(value) && std::isnan(to_float(from_float<T>(value)));
    if (magnitude == first_special) {
      good = sizeof(T) == 1 ? std::isnan(value) : std::isinf(value) && from_float<T>(value).bits == bits;
    }
    if (!good && wrong++ == 0) first = bits;
  }
  checks.check(name + ": every value is read and written back", wrong == 0,
               std::to_string(wrong) + " are not, first bits " + std::to_string(first));
}

/// `nearest` of a finite float, as a double; compared at random floats, at ties and beside them.
template <class T, class Nearest>
void check_rounding(Checks& checks, const std::string& name, uint32_t largest_bits, const Nearest& nearest) {
  uint32_t wrong = 0;
  float first = 0;
  const auto compare = [&](float x) {
    for (const float signed_x : {x, -x}) {
      const double expected = std::isnan(x)   ? NAN
                              : std::isinf(x) ? nearest(signed_x * 1e38)
                                              : nearest(signed_x);
      if (!same(to_float(from_float<T>(signed_x)), expected) && wrong++ == 0) first = signed_x;
    }
  };
  for (uint32_t bits = 0; bits < largest_bits; ++bits) {
    T low{}, high{};
    low.bits = static_cast<decltype(low.bits)>(bits);
    high.bits = static_cast<decltype(high.bits)>(bits + 1);
    const float tie = to_float(low) + (to_float(high) - to_float(low)) / 2;
    for (const float x : {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, INFINITY)}) compare(x);
  }
  std::mt19937 random(5);
  for (int i = 0; i < 1'000'000; ++i) compare(std::bit_cast<float>(static_cast<uint32_t>(random())));
  for (int i = 0; i < 200'000; ++i)
    compare(std::ldexp(static_cast<float>(random()), static_cast<int>(random() % 64) - 64));
  for (const float x : {65519.99f, 65520.0f, 65536.0f, 447.9f, 448.0f, 464.0f, 480.0f, 3.4028235e38f, 1e-45f})
    compare(x);
  checks.check(name + ": floats become the nearest, ties to even", wrong == 0,
               std::to_string(wrong) + " do not, first " + std::to_string(first));
  checks.check(name + ": NaN stays NaN",
               std::isnan(to_float(from_float<T>(NAN))) && std::isnan(to_float(from_float<T>(-NAN))));
}

/// Against what the CPU backend calls the nearest.
template <class T, class Round>
void check_backend(Checks& checks, const std::string& name, const Round& round) {
  std::mt19937 random(6);
  uint32_t wrong = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const float wide = std::bit_cast<float>(static_cast<uint32_t>(random()));
    const float narrow =
        std::ldexp(static_cast<float>(random()) - 0x1p31f, -22 - static_cast<int>(random() % 20));
    for (const float x : {wide, narrow}) wrong += !same(to_float(from_float<T>(x)), round(x));
  }
  for (const float x : {INFINITY, -INFINITY, 0.0f, -0.0f})
    wrong += !same(to_float(from_float<T>(x)), round(x));
  checks.check(name + ": as the CPU backend rounds", wrong == 0, std::to_string(wrong) + " differ");
}

/// What cards before 8.9 compute, against what the emulator does.
void check_steps(Checks& checks) {
  uint32_t wrong = 0, first = 0;
  const auto compare = [&](uint32_t bits) {
    const auto x = std::bit_cast<float>(bits);
    if (std::isnan(x) || cuda::e4m3_by_steps(x) == from_float<E4m3>(x).bits) return;
    if (wrong++ == 0) first = bits;
  };
  // All signs, exponents and nine bits of fraction, which is five beyond a tie, and what is beside them.
  for (uint32_t high = 0; high < 1u << 18; ++high) {
    for (const uint32_t low : {0u, 1u, 0x1fffu, 0x2000u, 0x3fffu}) compare(high << 14 | low);
  }
  checks.check("e4m3: the steps for cards without the instruction", wrong == 0,
               std::to_string(wrong) + " differ, first bits " + std::to_string(first));
}

}  // namespace

void check_numbers(Checks& checks) {
  check_values<Half>(checks, "half", {5, 10}, 0x7c00);
  check_values<Bfloat16>(checks, "bfloat16", {8, 7}, 0x7f80);
  check_values<E4m3>(checks, "e4m3", {4, 3}, 0x7f);
  check_rounding<Half>(checks, "half", 0x7bff, nearest_half);
  check_rounding<Bfloat16>(checks, "bfloat16", 0x7f7f, nearest_bfloat16);
  check_rounding<E4m3>(checks, "e4m3", 0x7e, nearest_e4m3);
  check_steps(checks);
  check_backend<Bfloat16>(checks, "bfloat16", round_to_bfloat16);
  check_backend<E4m3>(checks, "e4m3", round_to_e4m3);
  checks.check("a pair has its first number in the low half",
               cuda::pack_pair<Half>(1, -2) == 0xc0003c00 && cuda::pack_pair<Bfloat16>(1, -2) == 0xc0003f80);
  using cuda::round_to_int;
  checks.check("round_to_int rounds ties to even and ends at int's ends",
               round_to_int(0.5f) == 0 && round_to_int(1.5f) == 2 && round_to_int(-2.5f) == -2 &&
                   round_to_int(3e9f) == INT32_MAX && round_to_int(-3e9f) == INT32_MIN &&
                   round_to_int(NAN) == 0);
}

}  // namespace twofour::emulation
