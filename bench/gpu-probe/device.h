#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace probe {

/// Of the device itself: the question that meets it has no answer.
struct DeviceFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// What a library did not want, or the card has no memory for: an answer, not a failure.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void check(cudaError_t status, const char* doing);

/// Device memory. Throws Refused where there is not so much.
class Memory {
 public:
  Memory() = default;
  explicit Memory(size_t bytes);
  explicit Memory(const std::vector<std::byte>& values);
  /// `block` again and again until `bytes` are full.
  Memory(size_t bytes, const std::vector<std::byte>& block);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void fill(int byte) const;
  std::vector<std::byte> download() const { return download(0, bytes_); }
  std::vector<std::byte> download(size_t first, size_t count) const;

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

using Work = std::function<void()>;

/// Times of work on a stream, by events around it, in µs.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  /// Once, with the second level of caches emptied before.
  double cold(const Work& work);
  /// So often, one after another; the time of one.
  double warm(const Work& work, int times);
  /// Median of few cold runs after one that is not counted: to sort candidates by.
  double quick(const Work& work);

 private:
  double between(const Work& work);

  cudaStream_t stream_;
  Memory flush_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

double median(std::vector<double> values);
/// Milliseconds since 1970, as other programs of this machine count.
double now();

}  // namespace probe
