#include "numbers.h"

#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>

namespace probe {
namespace {

struct Kind {
  Number number;
  const char* name;
  size_t bytes;
  cudaDataType_t type;
  float tolerance;
};
constexpr Kind kKinds[] = {
    {Number::float32, "float32", 4, CUDA_R_32F, 0x1p-12f},
    {Number::float16, "float16", 2, CUDA_R_16F, 0x1p-9f},
    {Number::bfloat16, "bfloat16", 2, CUDA_R_16BF, 0x1p-6f},
    {Number::int8, "int8", 1, CUDA_R_8I, 0},
    {Number::e4m3, "float8", 1, CUDA_R_8F_E4M3, 0x1p-3f},
    {Number::int32, "int32", 4, CUDA_R_32I, 1e-5f},
};

const Kind& kind_of(Number number) { return kKinds[static_cast<int>(number)]; }

uint16_t to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

template <class T>
T word_at(const std::byte* from) {
  T word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

const char* name_of(Number number) { return kind_of(number).name; }
size_t bytes_of(Number number) { return kind_of(number).bytes; }
cudaDataType_t type_of(Number number) { return kind_of(number).type; }
float tolerance_of(Number output) { return kind_of(output).tolerance; }

Number number_of(const std::string& dtype) {
  for (const Kind& kind : kKinds)
    if (dtype == kind.name) return kind.number;
  throw std::runtime_error("Expected a dtype, got '" + dtype + "'.");
}

void encode(Number number, float value, std::byte* to) {
  const auto put = [&](auto word) { std::memcpy(to, &word, sizeof word); };
  switch (number) {
    case Number::float32:
      return put(value);
    case Number::float16:
      return put(__half_raw(__float2half_rn(value)).x);
    case Number::bfloat16:
      return put(to_bfloat16(value));
    case Number::int8:
      return put(static_cast<int8_t>(std::lrintf(value)));
    case Number::e4m3:
      return put(__nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3));
    case Number::int32:
      return put(static_cast<int32_t>(std::lrintf(value)));
  }
}

float decode(Number number, const std::byte* from) {
  __half_raw half;
  switch (number) {
    case Number::float32:
      return word_at<float>(from);
    case Number::float16:
      half.x = word_at<uint16_t>(from);
      return __half2float(half);
    case Number::bfloat16:
      return std::bit_cast<float>(uint32_t{word_at<uint16_t>(from)} << 16);
    case Number::int8:
      return static_cast<float>(word_at<int8_t>(from));
    case Number::e4m3:
      half = __nv_cvt_fp8_to_halfraw(word_at<__nv_fp8_storage_t>(from), __NV_E4M3);
      return __half2float(half);
    case Number::int32:
      break;
  }
  return static_cast<float>(word_at<int32_t>(from));
}

std::vector<std::byte> noise(Number number, size_t rows, size_t columns, bool two_of_four, unsigned seed,
                             float largest) {
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  // The six ways to keep two of four, as bits.
  constexpr unsigned kept[] = {0b0011, 0b0101, 0b0110, 0b1001, 0b1010, 0b1100};
  const float scale = number == Number::int8 ? 127 * largest : largest;
  std::vector<std::byte> bytes(rows * columns * bytes_of(number));
  unsigned keep = 0b1111;
  for (size_t i = 0; i < rows * columns; ++i) {
    if (two_of_four && i % 4 == 0) keep = kept[random() % 6];
    const float value = uniform(random) * scale;
    encode(number, keep >> i % 4 & 1 ? value : 0.0f, &bytes[i * bytes_of(number)]);
  }
  return bytes;
}

}  // namespace probe
