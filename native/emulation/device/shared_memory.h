#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulation/device/shadow.h"
#include "emulation/device/shared_array.h"

namespace twofour::emulation {

class Block;

/// The shared memory of the block that runs. Static arrays lie in its first 48 KiB, the dynamic part behind.
class SharedMemory {
 public:
  explicit SharedMemory(Block& block);

  void begin_launch(size_t dynamic_bytes);
  void begin_block() { shadow_.begin_block(); }
  void barrier() { shadow_.barrier(); }
  void sync_warp(unsigned warp, uint32_t lanes) { shadow_.sync_warp(warp, lanes); }

  Region declare_static(const void* key, const char* name, size_t element, size_t count);
  Region declare_dynamic(const char* name, size_t byte_offset, size_t element, size_t count) const;

  // `thread`: who does it, and whom a fault names.
  void read(unsigned thread, const Region& region, size_t offset, size_t bytes, void* to);
  void write(unsigned thread, const Region& region, size_t offset, size_t bytes, const void* from);
  /// 16 bytes that every lane of the warp gets a part of; `thread` passed the place.
  const std::byte* read_for_warp(unsigned thread, const Region& region, size_t offset);
  void begin_copy(unsigned thread, const Region& region, size_t offset, size_t bytes);
  void end_copy(unsigned thread, const Region& region, size_t offset, size_t bytes, const void* from);

 private:
  struct Declared {
    const void* key;
    Region region;
  };

  void check_place(unsigned thread, const char* verb, const Region& region, size_t offset,
                   size_t bytes) const;
  void check(unsigned thread, const char* verb, const Region& region, size_t offset, Conflict conflict) const;

  Block& block_;
  Shadow shadow_;
  std::vector<std::byte> bytes_;
  std::vector<Declared> declared_;
  size_t static_bytes_ = 0, dynamic_bytes_ = 0;
};

}  // namespace twofour::emulation
