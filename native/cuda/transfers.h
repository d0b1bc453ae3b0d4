#pragma once
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "cuda/arena.h"
#include "cuda/kernels/kernels.h"

struct CUevent_st;

namespace twofour::cuda {

/// Copies between host and device on one stream, by way of pinned memory, so that they overlap with whatever
/// the host does. Not thread-safe.
class Transfers {
 public:
  /// `stream` and `pinned` are borrowed.
  Transfers(Stream stream, Arena& pinned) : stream_(stream), pinned_(pinned) {}
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// `write` fills `bytes` of pinned memory, which are then queued to `to`.
  void to_device(void* to, size_t bytes, const std::function<void(void* pinned)>& write);
  void to_device(void* to, const void* from, size_t bytes);
  /// Waits, then copies.
  void to_host(void* to, const void* from, size_t bytes);
  /// Until all that was queued is done. Throws what it failed with.
  void wait();

 private:
  struct Pending {
    Arena::Block block;
    CUevent_st* event;
  };
  void reclaim(size_t at_most);
  CUevent_st* event();

  Stream stream_;
  Arena& pinned_;
  std::deque<Pending> pending_;  ///< In the order of the stream.
  std::vector<CUevent_st*> events_;
};

}  // namespace twofour::cuda
