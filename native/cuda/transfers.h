#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "cuda/arena.h"
#include "cuda/event.h"
#include "cuda/kernels/kernels.h"

namespace twofour::cuda {

/// Copies between host and device on one stream, by way of pinned memory, so that they overlap with whatever
/// the host does. Not thread-safe.
class Transfers {
 public:
  /// `stream` and `pinned` are borrowed.
  Transfers(Stream stream, Arena& pinned) : stream_(stream), pinned_(pinned) {}
  /// Waits for what is queued.
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// `write` fills `bytes` of pinned memory, which are then queued to `to`.
  void to_device(void* to, size_t bytes, const std::function<void(void* pinned)>& write);
  void to_device(void* to, const void* from, size_t bytes);
  /// Waits until all that was queued is done, then copies. Throws what it failed with, and then `to` is as it
  /// was.
  void to_host(void* to, const void* from, size_t bytes);

 private:
  /// One end of a copy, kept until the copy is known to be done, also where asking for it failed.
  struct Pending {
    Arena::Block block;
    Event done;
  };
  enum class Direction { to_device, to_host };
  const Pending& queue(void* to, const void* from, size_t bytes, Direction direction, Arena::Block block);
  void reclaim(size_t at_most);
  Event event();

  Stream stream_;
  Arena& pinned_;
  std::deque<Pending> pending_;  ///< In the order of the stream.
  std::vector<Event> events_;
};

}  // namespace twofour::cuda
