#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <utility>

namespace twofour::cpu {

/// Recycles the large blocks behind activations, so that a forward pass faults no fresh pages in.
/// Not thread-safe: belongs to the thread that runs verbs. Must outlive its buffers.
class Buffers {
 public:
  struct Free {
    void operator()(float* block) const noexcept;
  };
  using Block = std::unique_ptr<float[], Free>;

  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffers& owner, Block block, size_t capacity)
        : owner_(&owner), block_(std::move(block)), capacity_(capacity) {}
    Buffer(Buffer&& other) noexcept
        : owner_(other.owner_), block_(std::move(other.block_)), capacity_(other.capacity_) {}
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(block_, other.block_);
      std::swap(capacity_, other.capacity_);
      return *this;
    }
    ~Buffer();
    float* data() const { return block_.get(); }

   private:
    Buffers* owner_ = nullptr;
    Block block_;
    size_t capacity_ = 0;
  };

  /// At least `floats` uninitialised floats, aligned to 64 bytes. Throws Error OUT_OF_MEMORY.
  Buffer take(size_t floats);

  static Block allocate(size_t floats);
  size_t idle_bytes() const { return idle_bytes_; }

 private:
  std::multimap<size_t, Block> idle_;
  size_t idle_bytes_ = 0;
};

}  // namespace twofour::cpu
