#include <cmath>
#include <limits>

#include "backend/formats.h"
#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

/// Rows that are unlike each other: usual, of one sign each, zeros, with what isn't finite, tiny, huge.
std::vector<float> unlike_rows(size_t width) {
  std::vector<float> values;
  const auto add = [&](float scale, float shift) {
    for (const float x : numbers(width, 41, scale)) values.push_back(x + shift);
  };
  add(1, 0);
  add(1, 5);
  add(1, -5);
  add(0, 0);
  add(1, 0);
  values.back() = std::numeric_limits<float>::quiet_NaN();
  add(1, 0);
  values.back() = -std::numeric_limits<float>::infinity();
  add(1e-38f, 0);
  add(3e37f, 0);
  add(1, 0);
  return values;
}

void check_quantise(Checks& checks, cuda::QuantisedWord quantised_word, cuda::Word word, size_t width) {
  const std::vector<float> values = rounded(unlike_rows(width), word);
  const size_t count = values.size() / width;
  const DeviceMemory<int32_t> device_count(std::vector<int32_t>{static_cast<int32_t>(count)});
  const DeviceRows in(word, width, count, values);
  std::string wrong;
  for (const Order order : {Order::ascending, Order::descending, Order::random}) {
    set_order(order);
    const DeviceQuantised out(quantised_word, width, count + 2);
    cuda::quantise(in.rows(), {device_count.data(), count + 2}, out.quantised(), nullptr);
    if (wrong.empty()) wrong = out.trespasses(count);
    for (size_t row = 0; row < count && wrong.empty(); ++row) {
      const auto from = values.begin() + static_cast<ptrdiff_t>(row * width);
      wrong = out.difference(row, {from, from + static_cast<ptrdiff_t>(width)});
    }
  }
  set_order(Order::ascending);
  checks.check(std::string("quantise to ") + (quantised_word == cuda::QuantisedWord::int8 ? "int8" : "e4m3") +
                   ", " + name_of(word) + ", width " + std::to_string(width),
               wrong.empty(), wrong);
}

/// One scale for all rows: beyond the reach levels stay at its end, padding is zero, and nothing else is
/// written.
void check_step(Checks& checks, cuda::QuantisedWord quantised_word, cuda::Word word, size_t width) {
  constexpr float kStep = 0.02f;
  const bool is_int8 = quantised_word == cuda::QuantisedWord::int8;
  std::vector<float> values = rounded(numbers(5 * width, 43, is_int8 ? 3.0f : 12.0f), word);
  values.back() = -std::numeric_limits<float>::infinity();
  const DeviceMemory<int32_t> device_count(std::vector<int32_t>{5});
  const DeviceRows in(word, width, 5, values);
  std::string wrong;
  for (const Order order : {Order::ascending, Order::descending, Order::random}) {
    set_order(order);
    const DeviceQuantised out(quantised_word, width, 7);
    cuda::Quantised to = out.quantised();
    to.step = kStep;
    to.scales = nullptr;
    to.zeros = nullptr;
    cuda::quantise(in.rows(), {device_count.data(), 7}, to, nullptr);
    if (wrong.empty()) wrong = out.trespasses(5, true);
    for (size_t at = 0; at < values.size() && wrong.empty(); ++at) {
      const float x = values[at] / kStep;
      const float expected =
          is_int8 ? std::nearbyint(std::fmin(std::fmax(x, -127.0f), 127.0f)) : round_to_e4m3(x);
      const float got = out.level(at / width, at % width);
      if (got != expected)
        wrong = "Level " + std::to_string(at) + " is " + std::to_string(got) + ", expected " +
                std::to_string(expected) + ".";
    }
  }
  set_order(Order::ascending);
  checks.check(std::string("quantise by one step to ") + (is_int8 ? "int8" : "e4m3") + ", " + name_of(word) +
                   ", width " + std::to_string(width),
               wrong.empty(), wrong);
}

void check_largest(Checks& checks, cuda::Word word, size_t width) {
  const std::vector<float> values = rounded(unlike_rows(width), word);
  const size_t count = values.size() / width;
  const DeviceMemory<int32_t> device_count(std::vector<int32_t>{static_cast<int32_t>(count)});
  const DeviceRows in(word, width, count, values);
  const DeviceMemory<float> out(count + 2);
  cuda::largest(in.rows(), {device_count.data(), count + 2}, out.data(), nullptr);
  bool right = out.untouched_from(count);
  for (size_t row = 0; row < count; ++row) {
    const float expected = largest_of(std::span(values).subspan(row * width, width));
    right = right && (out[row] == expected || (std::isnan(out[row]) && std::isnan(expected)));
  }
  checks.check("largest, " + name_of(word) + ", width " + std::to_string(width), right);
}

}  // namespace

void check_quantised(Checks& checks) {
  for (const cuda::Word word : kWords) {
    for (const size_t width : {1, 8, 33, 312, 768, 1024, 3072, 4100}) {
      check_quantise(checks, cuda::QuantisedWord::int8, word, width);
      check_quantise(checks, cuda::QuantisedWord::e4m3, word, width);
      check_step(checks, cuda::QuantisedWord::int8, word, width);
      check_step(checks, cuda::QuantisedWord::e4m3, word, width);
      check_largest(checks, word, width);
    }
  }
}

}  // namespace twofour::emulation
