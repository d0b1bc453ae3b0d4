#include "cuda/sample.h"

#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

namespace twofour::cuda {
namespace {

float number_at(Format format, const std::byte* from) {
  uint32_t word = 0;
  std::memcpy(&word, from, bytes_of_output(format));
  if (format == Format::int8) return static_cast<float>(static_cast<int32_t>(word));
  if (format == Format::bfloat16) return std::bit_cast<float>(word << 16);
  if (format == Format::float16) {
    __half_raw bits;
    bits.x = static_cast<uint16_t>(word);
    return __half2float(bits);
  }
  return std::bit_cast<float>(word);
}

/// Two sums of the same numbers in another order differ by a few units of the output's last place.
float tolerance(Format format) {
  if (format == Format::int8) return 0;
  if (format == Format::bfloat16) return 0x1p-6f;
  return format == Format::float16 ? 0x1p-9f : 0x1p-12f;
}

}  // namespace

std::vector<std::byte> noise(Format format, size_t count) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<std::byte> bytes(count * bytes_of_input(format));
  for (size_t i = 0; i < count; ++i) {
    const float x = uniform(random);
    std::byte* to = &bytes[i * bytes_of_input(format)];
    if (format == Format::bfloat16) {
      const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
      std::memcpy(to, &bits, sizeof bits);
    } else if (format == Format::float16) {
      const __half_raw bits(__float2half_rn(x));
      std::memcpy(to, &bits.x, sizeof bits.x);
    } else if (format == Format::int8) {
      *to = static_cast<std::byte>(static_cast<int8_t>(x * 127));
    } else {
      *to = static_cast<std::byte>(__nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3));
    }
  }
  return bytes;
}

bool agree(Format format, const std::vector<std::byte>& some, const std::vector<std::byte>& reference) {
  const size_t width = bytes_of_output(format);
  float largest = 0, difference = 0;
  for (size_t at = 0; at < some.size(); at += width) {
    const float wanted = number_at(format, &reference[at]), got = number_at(format, &some[at]);
    largest = std::max(largest, std::fabs(wanted));
    if (!(std::fabs(got - wanted) <= difference)) difference = std::fabs(got - wanted);
    if (std::isnan(difference)) return false;
  }
  return difference <= tolerance(format) * largest;
}

}  // namespace twofour::cuda
