#include "cuda/transfers.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// More would only hold pinned memory.
constexpr size_t kPending = 4;

/// Few sizes, so that the copies of batches that differ a little use the same blocks.
size_t pinned_size(size_t bytes) { return std::bit_ceil(std::max(bytes, size_t{64} << 10)); }

constexpr const char* kToDevice = "copying to the device";
constexpr const char* kToHost = "waiting for the device";

}  // namespace

Transfers::~Transfers() { cudaStreamSynchronize(stream_); }

void Transfers::to_device(void* to, size_t bytes, const std::function<void(void* pinned)>& write) {
  if (bytes == 0) return;
  reclaim(kPending - 1);
  Arena::Block block = pinned_.take(pinned_size(bytes));
  void* pinned = block.data();
  write(pinned);
  queue(to, pinned, bytes, Direction::to_device, std::move(block));
}

void Transfers::to_device(void* to, const void* from, size_t bytes) {
  to_device(to, bytes, [&](void* pinned) { std::memcpy(pinned, from, bytes); });
}

void Transfers::to_host(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return check(cudaStreamSynchronize(stream_), kToHost);
  reclaim(kPending - 1);
  Arena::Block block = pinned_.take(pinned_size(bytes));
  void* pinned = block.data();
  const Pending& copy = queue(pinned, from, bytes, Direction::to_host, std::move(block));
  check(cudaEventSynchronize(copy.done.get()), kToHost);
  std::memcpy(to, pinned, bytes);
}

const Transfers::Pending& Transfers::queue(void* to, const void* from, size_t bytes, Direction direction,
                                           Arena::Block block) {
  const bool down = direction == Direction::to_host;
  const char* doing = down ? kToHost : kToDevice;
  // Before the copy, so that it never outlives its block. An event that was not recorded counts as done.
  pending_.push_back({std::move(block), event()});
  const Pending& pending = pending_.back();
  check(cudaMemcpyAsync(to, from, bytes, down ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice, stream_),
        doing);
  const cudaError_t recorded = cudaEventRecord(pending.done.get(), stream_);
  if (recorded != cudaSuccess) cudaStreamSynchronize(stream_);
  check(recorded, doing);
  return pending;
}

/// Gives back what was copied, and waits for the oldest while more than `at_most` are not.
void Transfers::reclaim(size_t at_most) {
  while (!pending_.empty()) {
    CUevent_st* oldest = pending_.front().done.get();
    cudaError_t status = cudaEventQuery(oldest);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      if (pending_.size() <= at_most) return;
      status = cudaEventSynchronize(oldest);
    }
    check(status, kToDevice);
    events_.push_back(std::move(pending_.front().done));
    pending_.pop_front();
  }
}

Event Transfers::event() {
  if (events_.empty()) return make_event(false);
  Event event = std::move(events_.back());
  events_.pop_back();
  return event;
}

}  // namespace twofour::cuda
