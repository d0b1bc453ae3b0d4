#include "cpu/activations.h"

#include <algorithm>

#include "backend/formats.h"

namespace twofour::cpu {
namespace {

constexpr Storage kDerived[] = {Storage::bfloat16, Storage::levels, Storage::rounded_bfloat16,
                                Storage::rounded_float8, Storage::columns};

unsigned bit(Storage storage) { return 1u << static_cast<unsigned>(storage); }

/// Rows that one task makes and finishes.
constexpr size_t kRowBlock = 16;

/// Whole cache lines, so that every storage begins on one.
size_t lines(size_t floats) { return (floats + 15) / 16 * 16; }

}  // namespace

size_t row_bytes(Storage storage, size_t width) {
  switch (storage) {
    case Storage::bfloat16:
      return (width + 1) / 2 * 4;
    case Storage::levels:
      return (width + 3) / 4 * 4;
    default:
      return width * sizeof(float);
  }
}

CpuActivations::CpuActivations(size_t tokens, size_t width, unsigned wanted, const Kernels& kernels,
                               Buffers& buffers)
    : tokens_(tokens), width_(width), wanted_(wanted & ~bit(Storage::rows)), kernels_(kernels) {
  size_t floats = lines(tokens * width);
  for (const Storage storage : kDerived) {
    if ((wanted_ & bit(storage)) == 0) continue;
    offset_[static_cast<size_t>(storage)] = floats;
    const size_t whole = (tokens + kernels_.sparse_tile - 1) / kernels_.sparse_tile * kernels_.sparse_tile;
    const size_t rows = storage == Storage::columns ? whole : tokens;
    floats += lines(rows * row_bytes(storage, width) / sizeof(float));
  }
  scales_ = floats;
  if ((wanted_ & bit(Storage::levels)) != 0) floats += 2 * tokens;
  buffer_ = buffers.take(floats);
}

std::byte* CpuActivations::at(Storage storage, size_t token) const {
  return reinterpret_cast<std::byte*>(buffer_.data() + offset_[static_cast<size_t>(storage)]) +
         token * row_bytes(storage, width_);
}

size_t CpuActivations::row_block() const {
  return (wanted_ & bit(Storage::columns)) != 0 ? kernels_.sparse_tile : kRowBlock;
}

void CpuActivations::finish(size_t begin, size_t end) {
  const auto wants = [&](Storage storage) { return (wanted_ & bit(storage)) != 0; };
  const auto rounded = [&](Storage storage, Format format, size_t token) {
    float* to = reinterpret_cast<float*>(at(storage, token));
    std::copy_n(row(token), width_, to);
    round_inputs(format, {to, width_});
  };
  float* scales = buffer_.data() + scales_;
  for (size_t token = begin; token < end; ++token) {
    if (wants(Storage::levels)) {
      kernels_.to_levels(row(token), width_, reinterpret_cast<uint8_t*>(at(Storage::levels, token)),
                         scales + token, reinterpret_cast<int32_t*>(scales + tokens_ + token));
    }
    if (wants(Storage::bfloat16))
      kernels_.to_bfloat16(row(token), width_, reinterpret_cast<uint16_t*>(at(Storage::bfloat16, token)));
    if (wants(Storage::rounded_bfloat16)) rounded(Storage::rounded_bfloat16, Format::bfloat16, token);
    if (wants(Storage::rounded_float8)) rounded(Storage::rounded_float8, Format::float8, token);
  }
  for (size_t token = begin; token < end && wants(Storage::columns); token += kernels_.sparse_tile) {
    kernels_.to_columns(row(token), std::min(kernels_.sparse_tile, end - token), width_,
                        reinterpret_cast<float*>(at(Storage::columns, token)));
  }
}

}  // namespace twofour::cpu
