#include "cuda/arena.h"

#include <bit>
#include <utility>

#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// Sizes come in eighths of powers of two, so that a block of a slightly smaller batch serves the next one.
size_t rounded(size_t bytes) {
  const size_t step = std::max<size_t>(std::bit_floor(bytes) / 8, 256);
  return (bytes + step - 1) / step * step;
}

}  // namespace

Arena::Block::Block(Block&& other) noexcept
    : arena_(std::exchange(other.arena_, nullptr)),
      bytes_(other.bytes_),
      data_(std::exchange(other.data_, nullptr)) {}

Arena::Block& Arena::Block::operator=(Block&& other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  return *this;
}

Arena::Block::~Block() {
  if (arena_ != nullptr) arena_->free_[bytes_].push_back(data_);
}

Arena::~Arena() { shrink(); }

Arena::Block Arena::take(size_t bytes) {
  if (bytes == 0) return {};
  const size_t size = rounded(bytes);
  std::vector<void*>& same = free_[size];
  if (same.empty()) return {*this, size, allocate(size)};
  void* data = same.back();
  same.pop_back();
  return {*this, size, data};
}

void Arena::shrink() {
  cudaDeviceSynchronize();
  for (auto& [size, blocks] : free_) {
    // Of a device that was lost nothing can be freed, and nothing need be.
    for (void* data : blocks) place_ == Place::device ? cudaFree(data) : cudaFreeHost(data);
    blocks.clear();
  }
}

void* Arena::allocate(size_t bytes) {
  const auto once = [&](void** data) {
    return place_ == Place::device ? cudaMalloc(data, bytes)
                                   : cudaHostAlloc(data, bytes, cudaHostAllocDefault);
  };
  void* data = nullptr;
  cudaError_t status = once(&data);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    shrink();
    status = once(&data);
  }
  check(status, "allocating memory");
  return data;
}

}  // namespace twofour::cuda
