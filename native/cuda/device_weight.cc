#include "cuda/device_weight.h"

#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <bit>
#include <cstring>
#include <numeric>

#include "backend/formats.h"

namespace twofour::cuda {
namespace {

/// Bytes of fp32 that are read at a time.
constexpr size_t kPart = size_t{4} << 20;

uint16_t bits_of(Format format, float x) {
  if (format == Format::bfloat16)
    return static_cast<uint16_t>(std::bit_cast<uint32_t>(round_to_bfloat16(x)) >> 16);
  return __half_raw(__float2half_rn(x)).x;
}

/// One row in a format's numbers.
class RowWriter {
 public:
  RowWriter(Format format, size_t padded_rows) : format_(format) {
    if (bytes_of_input(format) == 1) scales_.assign(padded_rows, 1.0f);
    if (format == Format::int8) sums_.assign(padded_rows, 0);
  }

  void write(size_t index, std::span<float> row, std::byte* out) {
    switch (format_) {
      case Format::float32:
        std::memcpy(out, row.data(), row.size_bytes());
        return;
      case Format::float16:
      case Format::bfloat16:
        for (size_t i = 0; i < row.size(); ++i)
          reinterpret_cast<uint16_t*>(out)[i] = bits_of(format_, row[i]);
        return;
      case Format::int8:
        return write_int8(index, row, reinterpret_cast<int8_t*>(out));
      case Format::float8:
        return write_e4m3(index, row, reinterpret_cast<uint8_t*>(out));
    }
  }
  const std::vector<float>& scales() const { return scales_; }
  const std::vector<int32_t>& sums() const { return sums_; }

 private:
  void write_int8(size_t index, std::span<const float> row, int8_t* out) {
    scales_[index] = symmetric_scale(row);
    for (size_t i = 0; i < row.size(); ++i) out[i] = symmetric_level(row[i], scales_[index]);
    sums_[index] = std::accumulate(out, out + row.size(), int32_t{0});
  }
  void write_e4m3(size_t index, std::span<const float> row, uint8_t* out) {
    scales_[index] = e4m3_scale(row);
    for (size_t i = 0; i < row.size(); ++i)
      out[i] = __nv_cvt_float_to_fp8(row[i] / scales_[index], __NV_SATFINITE, __NV_E4M3);
  }

  Format format_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
};

/// Counts in one row; true where it is 2:4.
bool look_at(std::span<const float> row, size_t& nonzeros) {
  bool two_of_four = true;
  for (size_t first = 0; first < row.size(); first += 4) {
    size_t kept = 0;
    for (size_t i = first; i < std::min(first + 4, row.size()); ++i) kept += row[i] != 0;
    nonzeros += kept;
    two_of_four &= kept <= 2;
  }
  return two_of_four;
}

template <class T>
Arena::Block copied(Context& context, const std::vector<T>& values) {
  Arena::Block block = context.memory().keep(values.size() * sizeof(T));
  context.transfers().to_device(block.data(), values.data(), values.size() * sizeof(T));
  return block;
}

Arena::Block copied_bias(Context& context, Format format, std::span<const float> bias, size_t padded_rows) {
  std::vector<float> padded(padded_rows, 0.0f);
  std::copy(bias.begin(), bias.end(), padded.begin());
  if (bytes_of_input(format) != 2) return copied(context, padded);
  std::vector<uint16_t> bits;
  for (const float x : padded) bits.push_back(bits_of(format, x));
  return copied(context, bits);
}

}  // namespace

DeviceWeight load_weight(Context& context, const LinearWeights& from) {
  const auto& [rows, columns, read] = from.weight;
  DeviceWeight weight{
      .rows = rows, .columns = columns, .padded_rows = stride_of(rows), .stride = stride_of(columns)};
  const size_t line = weight.stride * bytes_of_input(from.format);
  weight.bytes = weight.padded_rows * line;
  weight.values = context.memory().keep(weight.bytes);

  RowWriter writer(from.format, weight.padded_rows);
  const size_t step = std::max<size_t>(kPart / std::max<size_t>(columns * sizeof(float), 1), 1);
  std::vector<float> part;
  for (size_t first = 0; first < weight.padded_rows; first += step) {
    const size_t count = std::min(step, weight.padded_rows - first);
    const size_t real = first < rows ? std::min(count, rows - first) : 0;
    part.resize(real * columns);
    read(first, real, part.data());
    context.transfers().to_device(
        weight.values.as<std::byte>() + first * line, count * line, [&](void* pinned) {
          std::memset(pinned, 0, count * line);
          for (size_t r = 0; r < real; ++r) {
            const std::span<float> row = std::span(part).subspan(r * columns, columns);
            if (!look_at(row, weight.nonzeros) && !weight.offending_row) weight.offending_row = first + r;
            writer.write(first + r, row, static_cast<std::byte*>(pinned) + r * line);
          }
        });
  }
  weight.bias = copied_bias(context, from.format, from.bias, weight.padded_rows);
  weight.row_scales = copied(context, writer.scales());
  weight.row_sums = copied(context, writer.sums());
  return weight;
}

}  // namespace twofour::cuda
