#include "cuda/arena.h"

#include <bit>
#include <utility>

#include "base/error.h"
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
  if (arena_ != nullptr) arena_->shelves_.at(bytes_).free.push_back(data_);
}

Arena::~Arena() {
  cudaStreamSynchronize(stream_);
  free_unused();
}

Arena::Block Arena::take(size_t bytes) {
  if (bytes == 0) return {};
  const size_t size = rounded(bytes);
  Shelf& shelf = shelves_[size];
  if (shelf.free.empty()) return {*this, size, make(size, shelf)};
  void* data = shelf.free.back();
  shelf.free.pop_back();
  return {*this, size, data};
}

/// Where the wait fails, memory may be in use: it stays.
void Arena::shrink() {
  const cudaError_t waited = cudaStreamSynchronize(stream_);
  if (waited == cudaSuccess || is_lost(waited)) free_unused();
  cudaGetLastError();
}

void Arena::free_unused() {
  ++frees_;
  for (auto& [size, shelf] : shelves_) {
    // Of a device that was lost nothing can be freed, and nothing need be.
    for (void* data : shelf.free) place_ == Place::device ? cudaFree(data) : cudaFreeHost(data);
    shelf.made -= shelf.free.size();
    shelf.free.clear();
  }
}

void* Arena::make(size_t bytes, Shelf& shelf) {
  if (closed_) throw Error("INTERNAL", "Memory was asked for while a pass was recorded.");
  shelf.free.reserve(shelf.made + 1);
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
  ++shelf.made;
  return data;
}

}  // namespace twofour::cuda
