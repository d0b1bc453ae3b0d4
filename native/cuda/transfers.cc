#include "cuda/transfers.h"

#include <cuda_runtime_api.h>

#include <cstring>

#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// More would only hold pinned memory.
constexpr size_t kPending = 4;

}  // namespace

Transfers::~Transfers() {
  cudaStreamSynchronize(stream_);
  for (const Pending& pending : pending_) cudaEventDestroy(pending.event);
  for (CUevent_st* event : events_) cudaEventDestroy(event);
}

void Transfers::to_device(void* to, size_t bytes, const std::function<void(void* pinned)>& write) {
  if (bytes == 0) return;
  reclaim(kPending - 1);
  Arena::Block block = pinned_.take(bytes);
  write(block.data());
  check(cudaMemcpyAsync(to, block.data(), bytes, cudaMemcpyHostToDevice, stream_), "copying to the device");
  CUevent_st* done = event();
  check(cudaEventRecord(done, stream_), "copying to the device");
  pending_.push_back({std::move(block), done});
}

void Transfers::to_device(void* to, const void* from, size_t bytes) {
  to_device(to, bytes, [&](void* pinned) { std::memcpy(pinned, from, bytes); });
}

void Transfers::to_host(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return wait();
  const Arena::Block block = pinned_.take(bytes);
  check(cudaMemcpyAsync(block.data(), from, bytes, cudaMemcpyDeviceToHost, stream_), "copying to the host");
  wait();
  std::memcpy(to, block.data(), bytes);
}

void Transfers::wait() { check(cudaStreamSynchronize(stream_), "waiting for the device"); }

/// Gives back what was copied, and waits for the oldest while more than `at_most` are not.
void Transfers::reclaim(size_t at_most) {
  while (!pending_.empty()) {
    CUevent_st* oldest = pending_.front().event;
    const cudaError_t status =
        pending_.size() > at_most ? cudaEventSynchronize(oldest) : cudaEventQuery(oldest);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return;
    }
    check(status, "copying to the device");
    events_.push_back(oldest);
    pending_.pop_front();
  }
}

CUevent_st* Transfers::event() {
  if (events_.empty()) {
    CUevent_st* made = nullptr;
    check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "creating an event");
    return made;
  }
  CUevent_st* event = events_.back();
  events_.pop_back();
  return event;
}

}  // namespace twofour::cuda
