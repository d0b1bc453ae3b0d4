#pragma once
#include <cstddef>

namespace twofour::emulation {

/// A function with a stack of its own that can stop and go on. Stays on the thread that made it; neither
/// copied nor moved. One that is started anew, or destroyed, before its function returned is forgotten:
/// nothing on its stack is destroyed.
class Fiber {
 public:
  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next resume() enters `function`, which lets no exception out. `colour` moves the stack's first byte,
  /// so that neighbours' hot lines fall into different sets of the cache. Throws std::bad_alloc.
  void start(void (*function)(void*), void* argument, size_t colour);
  /// Runs it until it suspends itself or returns.
  void resume();
  /// From inside: back to resume().
  void suspend();

 private:
  friend void enter_fiber(Fiber* fiber);

  void map();
  void leave(bool for_good);

  std::byte* stack_ = nullptr;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* inside_ = nullptr;
  void* outside_ = nullptr;
  bool unfinished_ = false;

  // What AddressSanitizer is told.
  const void* outside_bottom_ = nullptr;
  size_t outside_size_ = 0;
  void* inside_fake_ = nullptr;
  void* outside_fake_ = nullptr;
};

}  // namespace twofour::emulation
