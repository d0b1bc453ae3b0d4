#include "device.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace probe {

void check(cudaError_t status, const char* doing) {
  if (status != cudaSuccess)
    throw DeviceFailure(std::string("While ") + doing + ", the CUDA runtime said " +
                        cudaGetErrorName(status) + ".");
}

Memory::Memory(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Refused("allocate " + std::to_string(bytes) + " bytes: the card has not so much");
  }
  check(status, "allocating");
}

Memory::Memory(const std::vector<std::byte>& values) : Memory(values.size(), values) {}

Memory::Memory(size_t bytes, const std::vector<std::byte>& block) : Memory(bytes) {
  size_t done = std::min(bytes, block.size());
  check(cudaMemcpy(data_, block.data(), done, cudaMemcpyHostToDevice), "uploading");
  while (done < bytes) {
    const size_t count = std::min(done, bytes - done);
    check(cudaMemcpy(static_cast<std::byte*>(data_) + done, data_, count, cudaMemcpyDeviceToDevice),
          "copying");
    done += count;
  }
}

Memory::~Memory() {
  if (data_ != nullptr) cudaFree(data_);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void Memory::fill(int byte) const {
  if (bytes_ > 0) check(cudaMemset(data_, byte, bytes_), "filling");
}

std::vector<std::byte> Memory::download(size_t first, size_t count) const {
  std::vector<std::byte> bytes(count);
  check(cudaMemcpy(bytes.data(), static_cast<std::byte*>(data_) + first, count, cudaMemcpyDeviceToHost),
        "downloading");
  return bytes;
}

Stopwatch::Stopwatch(cudaStream_t stream) : stream_(stream) {
  int cache = 0;
  check(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, 0), "asking the device");
  flush_ = Memory(2 * static_cast<size_t>(cache));
  check(cudaEventCreateWithFlags(&begin_, cudaEventDefault), "creating an event");
  check(cudaEventCreateWithFlags(&end_, cudaEventDefault), "creating an event");
}

Stopwatch::~Stopwatch() {
  cudaEventDestroy(begin_);
  cudaEventDestroy(end_);
}

double Stopwatch::cold(const Work& work) {
  if (flush_.bytes() > 0)
    check(cudaMemsetAsync(flush_.data(), 0, flush_.bytes(), stream_), "emptying the caches");
  return between(work);
}

double Stopwatch::warm(const Work& work, int times) {
  const double all = between([&] {
    for (int i = 0; i < times; ++i) work();
  });
  return all / times;
}

double Stopwatch::quick(const Work& work) {
  cold(work);
  return median({cold(work), cold(work), cold(work)});
}

double Stopwatch::between(const Work& work) {
  check(cudaEventRecord(begin_, stream_), "measuring");
  work();
  check(cudaEventRecord(end_, stream_), "measuring");
  check(cudaEventSynchronize(end_), "measuring");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin_, end_), "measuring");
  return static_cast<double>(milliseconds) * 1000;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(since).count();
}

}  // namespace probe
