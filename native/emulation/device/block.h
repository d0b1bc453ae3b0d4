#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "emulation/device/fiber.h"
#include "emulation/device/index.h"
#include "emulation/device/launch.h"
#include "emulation/device/sentence.h"
#include "emulation/device/shared_memory.h"
#include "emulation/device/where.h"

namespace twofour::emulation {

/// What the lanes of a warp do together once all of the mask are there. `payloads`: by lane, null outside the
/// mask.
struct Meeting {
  const char* name;
  void (*complete)(class Block& block, unsigned warp, uint32_t mask, void* const* payloads);
};

/// An asynchronous copy on its way.
struct Copy {
  Region region;
  size_t offset, group;
  std::array<std::byte, 16> bytes;
};

struct Copies {
  std::vector<Copy> pending;
  /// The one that copies belong to until the next commit.
  size_t group = 0;
};

/// Runs the blocks of one launch, one after another, on the thread that made it; threads of a block are
/// fibers.
///
/// Rules: a barrier is reached by every thread of the block, at one place of the source, or by none; a thread
/// that returned is not there. A meeting of a warp is reached by every lane of its mask, at one place of the
/// source.
class Block {
 public:
  Block();

  /// Throws KernelFault, or what the body threw. The block can be used again.
  void run(const Work& work, Order order, uint64_t seed);

  // For what a kernel calls: of the thread that runs.
  unsigned thread() const { return current_; }
  SharedMemory& shared() { return shared_; }
  Copies& copies() { return threads_[current_]->copies; }
  void meet(const Meeting& meeting, uint32_t mask, void* payload, Where where);
  void wait_at_barrier(Where where);

  /// "thread (1, 0, 0)".
  std::string name_of(unsigned thread) const;
  template <class... Parts>
  [[noreturn]] void fault(unsigned thread, const Parts&... what) const {
    throw_fault(thread, sentence(what...));
  }

  /// The one that runs on this thread of the host; null outside of run().
  static Block* running();

 private:
  struct Thread {
    explicit Thread(Ground& ground) : fiber(ground) {}
    Fiber fiber;
    Index index{};
    const Meeting* meeting = nullptr;
    uint32_t mask = 0;
    void* payload = nullptr;
    Where where;
    Copies copies;
  };
  /// Lanes by what they do.
  struct Warp {
    uint32_t ready = 0, meeting = 0, at_barrier = 0, returned = 0;
  };

  [[noreturn]] void throw_fault(unsigned thread, const std::string& what) const;
  static void run_thread(void* self);
  void check_configuration() const;
  void run_block();
  void begin_block();
  bool step(unsigned warp);
  void run_ready(unsigned warp);
  Fiber* next();
  void complete_meetings(unsigned warp);
  bool all_there(unsigned warp, unsigned lane) const;
  [[noreturn]] void refuse_meeting(unsigned warp) const;
  bool release_barrier();
  [[noreturn]] void refuse_barrier() const;
  std::string whereabouts(unsigned thread) const;
  template <class T>
  void arrange(std::vector<T>& items);

  Ground ground_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> turns_;
  SharedMemory shared_;
  const Work* work_ = nullptr;
  Order order_ = Order::ascending;
  std::mt19937 random_;
  unsigned current_ = 0;
  /// The lanes of the current thread's warp that have their turn after it.
  uint32_t turn_ = 0;
  std::exception_ptr failure_;
};

}  // namespace twofour::emulation
