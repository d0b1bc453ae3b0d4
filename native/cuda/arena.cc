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
      kind_(other.kind_),
      bytes_(other.bytes_),
      data_(std::exchange(other.data_, nullptr)) {}

Arena::Block& Arena::Block::operator=(Block&& other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(kind_, other.kind_);
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  return *this;
}

Arena::Block::~Block() {
  if (arena_ != nullptr) arena_->give_back(kind_, bytes_, data_);
}

Arena::~Arena() {
  wait();
  free_unused();
}

Arena::Block Arena::take(size_t bytes, Kind kind) {
  if (bytes == 0) return {};
  const size_t size = kind == Kind::kept ? bytes : rounded(bytes);
  Shelf& shelf = shelves_[{kind, size}];
  // One that is kept lies there only because it could not be freed.
  if (shelf.free.empty() || kind == Kind::kept) return {*this, kind, size, make(size, shelf)};
  void* data = shelf.free.back();
  shelf.free.pop_back();
  return {*this, kind, size, data};
}

void Arena::give_back(Kind kind, size_t bytes, void* data) {
  Shelf& shelf = shelves_.at({kind, bytes});
  // Where the wait fails, it may be in use.
  if (kind != Kind::kept || !wait()) return shelf.free.push_back(data);
  free(data);
  --shelf.made;
}

/// Whether nothing that is queued uses memory any more.
bool Arena::wait() {
  // Whoever lets go of a block may have been with another device.
  cudaSetDevice(device_);
  const cudaError_t waited = cudaStreamSynchronize(stream_);
  cudaGetLastError();
  return waited == cudaSuccess || is_lost(waited);
}

void Arena::shrink() {
  if (wait()) free_unused();
}

void Arena::free_unused() {
  ++frees_;
  for (auto& [key, shelf] : shelves_) {
    for (void* data : shelf.free) free(data);
    shelf.made -= shelf.free.size();
    shelf.free.clear();
  }
}

/// Of a device that was lost nothing can be freed, and nothing need be.
void Arena::free(void* data) {
  place_ == Place::device ? cudaFree(data) : cudaFreeHost(data);
  cudaGetLastError();
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
