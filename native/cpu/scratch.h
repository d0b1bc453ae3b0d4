#pragma once
#include <vector>

#include "cpu/buffers.h"

namespace twofour::cpu {

/// Memory that each thread of a pool keeps between tasks.
class Scratch {
 public:
  explicit Scratch(size_t workers) : workers_(workers) {}

  /// At least `floats` floats with what was left in them, valid until the worker's next call. Any number of
  /// workers may call at once. Throws Error OUT_OF_MEMORY.
  float* of(size_t worker, size_t floats) {
    Worker& mine = workers_[worker];
    if (mine.capacity < floats) {
      mine.block = Buffers::allocate(floats);
      mine.capacity = floats;
    }
    return mine.block.get();
  }

 private:
  struct Worker {
    Buffers::Block block;
    size_t capacity = 0;
  };
  std::vector<Worker> workers_;
};

}  // namespace twofour::cpu
