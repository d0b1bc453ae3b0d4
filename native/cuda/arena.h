#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

struct CUstream_st;

namespace twofour::cuda {

/// Memory of one device (or pinned memory of the host) in blocks that are used again and again, so that after
/// the first batch of a size nothing is allocated. A block that was given back may be taken at once: all work
/// is on one stream, so later users come later there. Not thread-safe. Outlives its blocks.
/// Whoever destroys it has made the device current.
class Arena {
 public:
  enum class Place { device, pinned };
  /// `stream` is borrowed: all that uses the blocks is queued there.
  Arena(Place place, CUstream_st* stream) : place_(place), stream_(stream) {}
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
  /// While a pass is recorded: blocks that are there may be taken; asking for more throws Error INTERNAL.
  void close(bool closed) { closed_ = closed; }
  /// How often memory was freed.
  uint64_t frees() const { return frees_; }

 private:
  /// Blocks of one size.
  struct Shelf {
    std::vector<void*> free;  ///< With room for all, so that giving one back cannot fail.
    size_t made = 0;
  };
  void* make(size_t bytes, Shelf& shelf);
  void shrink();
  void free_unused();

  Place place_;
  CUstream_st* stream_;
  std::map<size_t, Shelf> shelves_;
  uint64_t frees_ = 0;
  bool closed_ = false;
};

}  // namespace twofour::cuda
