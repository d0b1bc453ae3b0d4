#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace twofour::cuda {

/// Memory of one device (or pinned memory of the host) in blocks that are used again and again, so that after
/// the first batch of a size nothing is allocated. A block that was given back may be taken at once: all work
/// is on one stream, so later users come later there. Not thread-safe. Outlives its blocks.
class Arena {
 public:
  enum class Place { device, pinned };
  explicit Arena(Place place) : place_(place) {}
  /// Every block is back.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Memory, given back when it goes. Empty: none. 256-byte aligned.
  class Block {
   public:
    Block() = default;
    Block(Arena& arena, size_t bytes, void* data) : arena_(&arena), bytes_(bytes), data_(data) {}
    Block(Block&& other) noexcept;
    Block& operator=(Block&& other) noexcept;
    ~Block();

    void* data() const { return data_; }
    template <class T>
    T* as() const {
      return static_cast<T*>(data_);
    }

   private:
    Arena* arena_ = nullptr;
    size_t bytes_ = 0;
    void* data_ = nullptr;
  };

  /// At least `bytes`; none for 0. What it holds is anything. Throws Error OUT_OF_MEMORY, after having freed
  /// all that nobody uses.
  Block take(size_t bytes);
  /// Waits for the device, and frees what nobody uses.
  void shrink();

 private:
  void* allocate(size_t bytes);

  Place place_;
  std::map<size_t, std::vector<void*>> free_;  ///< By their size.
};

}  // namespace twofour::cuda
