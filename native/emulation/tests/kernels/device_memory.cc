#include "emulation/tests/kernels/device_memory.h"

#include <cmath>
#include <limits>
#include <random>

#include "backend/formats.h"

namespace twofour::emulation {
namespace {

template <class T>
std::string text(const T& value) {
  return std::to_string(value);
}

}  // namespace

float rounded(float x, cuda::Word word) {
  switch (word) {
    case cuda::Word::float32:
      return x;
    case cuda::Word::float16:
      return cuda::to_float(cuda::from_float<cuda::Half>(x));
    case cuda::Word::bfloat16:
      return cuda::to_float(cuda::from_float<cuda::Bfloat16>(x));
  }
  return x;
}

std::vector<float> rounded(std::vector<float> values, cuda::Word word) {
  for (float& x : values) x = rounded(x, word);
  return values;
}

double epsilon_of(cuda::Word word) {
  return word == cuda::Word::float32 ? 0x1p-24 : word == cuda::Word::float16 ? 0x1p-11 : 0x1p-8;
}

double smallest_error_of(cuda::Word word) { return word == cuda::Word::float16 ? 0x1p-25 : 0; }

std::string name_of(cuda::Word word) {
  return word == cuda::Word::float32 ? "float32" : word == cuda::Word::float16 ? "float16" : "bfloat16";
}

DeviceRows::DeviceRows(cuda::Word word, size_t width, size_t capacity)
    : word_(word), width_(width), memory_(capacity * cuda::stride_of(width) * cuda::bytes_of(word)) {}

DeviceRows::DeviceRows(cuda::Word word, size_t width, size_t capacity, std::span<const float> values)
    : DeviceRows(word, width, capacity) {
  for (size_t row = 0; width > 0 && row < values.size() / width; ++row) {
    for (size_t column = 0; column < cuda::stride_of(width); ++column)
      set(row, column,
          column < width ? values[row * width + column] : std::numeric_limits<float>::quiet_NaN());
  }
}

void DeviceRows::set(size_t row, size_t column, float value) {
  const size_t i = row * cuda::stride_of(width_) + column;
  unsigned char* to = memory_.data() + i * cuda::bytes_of(word_);
  const uint16_t half = cuda::from_float<cuda::Half>(value).bits,
                 brain = cuda::from_float<cuda::Bfloat16>(value).bits;
  if (word_ == cuda::Word::float32) std::memcpy(to, &value, 4);
  if (word_ == cuda::Word::float16) std::memcpy(to, &half, 2);
  if (word_ == cuda::Word::bfloat16) std::memcpy(to, &brain, 2);
}

float DeviceRows::at(size_t row, size_t column) const {
  const unsigned char* from =
      memory_.data() + (row * cuda::stride_of(width_) + column) * cuda::bytes_of(word_);
  float value = 0;
  uint16_t bits = 0;
  std::memcpy(word_ == cuda::Word::float32 ? static_cast<void*>(&value) : &bits, from, cuda::bytes_of(word_));
  if (word_ == cuda::Word::float16) return cuda::to_float(cuda::Half{bits});
  return word_ == cuda::Word::bfloat16 ? cuda::to_float(cuda::Bfloat16{bits}) : value;
}

std::vector<float> DeviceRows::values(size_t count) const {
  std::vector<float> all;
  for (size_t row = 0; row < count; ++row) {
    for (size_t column = 0; column < width_; ++column) all.push_back(at(row, column));
  }
  return all;
}

std::string DeviceRows::trespasses(size_t count) const {
  const size_t stride = cuda::stride_of(width_);
  if (!memory_.untouched_from(count * stride * cuda::bytes_of(word_)))
    return "rows beyond the count were written";
  for (size_t row = 0; row < count; ++row) {
    for (size_t column = width_; column < stride; ++column) {
      if (at(row, column) != 0) return "row " + text(row) + " has no zero at padding column " + text(column);
    }
  }
  return "";
}

float DeviceQuantised::level(size_t row, size_t column) const {
  const unsigned char bits = levels_[row * cuda::stride_of(width_) + column];
  if (word_ == cuda::QuantisedWord::e4m3) return cuda::to_float(cuda::E4m3{bits});
  return static_cast<int8_t>(bits);
}

std::string DeviceQuantised::trespasses(size_t count, bool one_step) const {
  const size_t stride = cuda::stride_of(width_);
  const size_t scales = one_step ? 0 : count;
  const size_t zeros = word_ == cuda::QuantisedWord::int8 ? scales : 0;
  if (!levels_.untouched_from(count * stride) || !scales_.untouched_from(scales) ||
      !zeros_.untouched_from(zeros))
    return "quantised rows beyond the count were written";
  for (size_t row = 0; row < count; ++row) {
    for (size_t column = width_; column < stride; ++column) {
      if (levels_[row * stride + column] != 0) return "quantised padding is no zero byte in row " + text(row);
    }
  }
  return "";
}

std::string DeviceQuantised::difference(size_t row, std::vector<float> values) const {
  const bool whole = word_ == cuda::QuantisedWord::int8;
  std::vector<float> expected = values;
  const Levels levels = whole ? levels_of(values) : Levels{};
  if (whole) {
    if (std::isnan(levels.scale) ? !std::isnan(scale(row)) : levels.scale != scale(row))
      return "scale " + text(scale(row)) + ", expected " + text(levels.scale);
    if (zero(row) != levels.zero - 128)
      return "zero " + text(zero(row)) + ", expected " + text(levels.zero - 128);
  } else {
    round_inputs(Format::float8, expected);
  }
  for (size_t column = 0; column < width_; ++column) {
    const float got = whole ? level(row, column) : at(row, column);
    const float wanted =
        whole ? static_cast<float>(level_of(values[column], levels) - 128) : expected[column];
    if (std::isnan(wanted) ? std::isnan(got) : wanted == got) continue;
    return "row " + text(row) + ", column " + text(column) + ": " + text(got) + ", expected " + text(wanted);
  }
  return "";
}

RaggedBatch::RaggedBatch(std::vector<int32_t> lengths, int32_t vocab) {
  offsets.push_back(0);
  for (const int32_t length : lengths) {
    const auto sequence = static_cast<int32_t>(offsets.size() - 1);
    for (int32_t position = 0; position < length; ++position) {
      ids.push_back((position * 5 + sequence * 3) % vocab);
      types.push_back((position + sequence) % 2);
      positions.push_back(position % 9);
      sequence_of.push_back(sequence);
      if (position % static_cast<int32_t>(cuda::kQueriesPerTile) == 0) {
        tiles.push_back(sequence);
        tiles.push_back(position);
      }
    }
    offsets.push_back(offsets.back() + length);
  }
  counts = {static_cast<int32_t>(ids.size()), static_cast<int32_t>(lengths.size()),
            static_cast<int32_t>(tiles.size() / 2)};
  for (const auto* values : {&ids, &types, &positions, &offsets, &sequence_of, &tiles, &counts}) {
    memory_.push_back(std::make_unique<DeviceMemory<int32_t>>(values->size() + 6));
    std::copy(values->begin(), values->end(), memory_.back()->data());
  }
}

cuda::DeviceBatch RaggedBatch::device() const {
  const auto at = [&](size_t i) { return memory_[i]->data(); };
  return {.ids = at(0),
          .types = at(1),
          .positions = at(2),
          .offsets = at(3),
          .sequence_of = at(4),
          .tiles = at(5),
          .counts = at(6),
          .token_capacity = ids.size() + 3,
          .sequence_capacity = sequences() + 2,
          .tile_capacity = tiles.size() / 2 + 2};
}

std::vector<float> numbers(size_t count, uint32_t seed, float scale) {
  std::mt19937 bits(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(bits() >> 8) * 0x1p-24f - 0.5f;
    x = sum * 1.7f * scale;
  }
  return values;
}

}  // namespace twofour::emulation
