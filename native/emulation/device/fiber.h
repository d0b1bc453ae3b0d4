#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

/// Keeps the registers that a function has to keep on this stack, and its place in `*keep`; goes on where
/// `next` was kept.
extern "C" void twofour_switch_stack(void** keep, void* next);

namespace twofour::emulation {

/// The stack that fibers are entered from: that of the thread that runs them.
struct Ground {
  void* place = nullptr;
  // What AddressSanitizer is told.
  const void* bottom = nullptr;
  size_t size = 0;
  void* fake = nullptr;
  bool left = false;
};

/// A function with a stack of its own that can stop and go on. Stays on the thread that made it; neither
/// copied nor moved. One that is started anew, or destroyed, before its function is over is forgotten:
/// nothing on its stack is destroyed.
class Fiber {
 public:
  /// `ground` is shared by the fibers that switch to one another, and outlives them.
  explicit Fiber(Ground& ground) : ground_(ground) {}
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next switch to it enters `function`, which neither returns nor lets an exception out: it ends by
  /// leave_for_good(). `colour` moves the stack's first byte, so that neighbours' hot lines fall into
  /// different sets of the cache. Throws std::bad_alloc.
  void start(void (*function)(void*), void* argument, size_t colour);
  /// From the ground: runs fibers until one goes back.
  void resume();
  /// From inside: to the fiber `next`, or to the ground where that is null. Inline, because after a switch
  /// the processor mispredicts every return.
  void leave(Fiber* next) {
    start_switch(&fake_, next);
    twofour_switch_stack(&place_, next != nullptr ? next->place_ : ground_.place);
    arrive();
  }
  [[noreturn]] void leave_for_good(Fiber* next);

 private:
  friend void enter_fiber(Fiber* fiber);

  void map();
#if defined(__SANITIZE_ADDRESS__)
  void start_switch(void** fake, const Fiber* next);
  void arrive();
#else
  void start_switch(void**, const Fiber*) {}
  void arrive() {}
#endif

  Ground& ground_;
  std::byte* stack_ = nullptr;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* place_ = nullptr;
  void* fake_ = nullptr;
  bool unfinished_ = false;
};

}  // namespace twofour::emulation
