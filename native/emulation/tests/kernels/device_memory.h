#pragma once
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "cuda/kernels/kernels.h"
#include "device.h"

namespace twofour::emulation {

/// An array as a device's allocator would give it, of exactly its size, so that AddressSanitizer guards both
/// ends. Filled with bytes that make no sense as numbers or indices.
template <class T>
class DeviceMemory {
 public:
  explicit DeviceMemory(size_t count)
      : count_(count), data_(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(64)))) {
    std::memset(static_cast<void*>(data_), kFill, count * sizeof(T));
  }
  explicit DeviceMemory(std::span<const T> values) : DeviceMemory(values.size()) {
    if (!values.empty()) std::memcpy(data_, values.data(), values.size_bytes());
  }
  ~DeviceMemory() { ::operator delete(data_, std::align_val_t(64)); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  static constexpr unsigned char kFill = 0xa5;
  T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return data_[i]; }
  /// Whether elements from `first` on are as they were filled.
  bool untouched_from(size_t first) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(data_);
    for (size_t i = first * sizeof(T); i < count_ * sizeof(T); ++i) {
      if (bytes[i] != kFill) return false;
    }
    return true;
  }

 private:
  size_t count_;
  T* data_;
};

/// The value as the word stores it.
float rounded(float x, cuda::Word word);
std::vector<float> rounded(std::vector<float> values, cuda::Word word);
/// Half a unit in the last place of numbers near 1, and the largest error of subnormals.
double epsilon_of(cuda::Word word);
double smallest_error_of(cuda::Word word);
std::string name_of(cuda::Word word);

/// Rows on the device, with room for more than there are.
class DeviceRows {
 public:
  DeviceRows(cuda::Word word, size_t width, size_t capacity);
  /// values [rows, width]; the columns beyond are not numbers, which nobody may read into a result.
  DeviceRows(cuda::Word word, size_t width, size_t capacity, std::span<const float> values);

  cuda::Rows rows() const { return {memory_.data(), word_, width_, cuda::stride_of(width_)}; }
  /// Asked for its word and sizes, but not wanted.
  cuda::Rows unwanted() const { return {nullptr, word_, width_, cuda::stride_of(width_)}; }
  float at(size_t row, size_t column) const;
  std::vector<float> values(size_t count) const;
  /// What is wrong beside the values: padding columns that are no zeros, rows from `count` on that were
  /// written.
  std::string trespasses(size_t count) const;
  std::span<const unsigned char> bytes() const { return {memory_.data(), memory_.size()}; }

 private:
  void set(size_t row, size_t column, float value);
  cuda::Word word_;
  size_t width_;
  DeviceMemory<unsigned char> memory_;
};

class DeviceQuantised {
 public:
  DeviceQuantised(cuda::QuantisedWord word, size_t width, size_t capacity)
      : word_(word),
        width_(width),
        levels_(capacity * cuda::stride_of(width)),
        scales_(capacity),
        zeros_(capacity) {}

  cuda::Quantised quantised() const {
    return {levels_.data(), word_, scales_.data(), zeros_.data(), width_, cuda::stride_of(width_)};
  }
  /// The product's operand: q, as a whole number or as e4m3.
  float level(size_t row, size_t column) const;
  float scale(size_t row) const { return scales_[row]; }
  int32_t zero(size_t row) const { return word_ == cuda::QuantisedWord::int8 ? zeros_[row] : 0; }
  float at(size_t row, size_t column) const {
    return (level(row, column) - static_cast<float>(zero(row))) * scale(row);
  }
  /// `one_step`: neither scales nor zeros are to be written.
  std::string trespasses(size_t count, bool one_step = false) const;
  /// Where levels, scale or zero of the row differ from those that backend/formats.h gives.
  std::string difference(size_t row, std::vector<float> values) const;

 private:
  cuda::QuantisedWord word_;
  size_t width_;
  DeviceMemory<unsigned char> levels_;
  DeviceMemory<float> scales_;
  DeviceMemory<int32_t> zeros_;
};

/// A batch on the device whose arrays have room for more than it has.
class RaggedBatch {
 public:
  explicit RaggedBatch(std::vector<int32_t> lengths, int32_t ids = 7);
  cuda::DeviceBatch device() const;
  BatchView view() const { return {.ids = ids, .types = types, .positions = positions, .offsets = offsets}; }
  size_t tokens() const { return ids.size(); }
  size_t sequences() const { return offsets.size() - 1; }

  std::vector<int32_t> ids, types, positions, offsets, sequence_of, tiles, counts;

 private:
  std::vector<std::unique_ptr<DeviceMemory<int32_t>>> memory_;
};

/// Numbers of a seed, roughly normal times `scale`.
std::vector<float> numbers(size_t count, uint32_t seed, float scale = 1);
}  // namespace twofour::emulation
