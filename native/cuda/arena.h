#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

struct CUstream_st;

namespace twofour::cuda {

/// Memory of one device (or pinned memory of the host) in blocks that are used again and again, so that after
/// the first batch of a size nothing is allocated. A block that was given back may be taken at once: all work
/// is on one stream, so later users come later there. Not thread-safe. Outlives its blocks.
class Arena {
 public:
  enum class Place { device, pinned };
  /// `stream` is borrowed: all that uses the blocks is queued there.
  Arena(Place place, int device, CUstream_st* stream) : place_(place), device_(device), stream_(stream) {}
  /// Every block is back.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// What becomes of a block that is given back.
  enum class Kind {
    passing,  ///< Another such block; and a pass that was recorded goes on writing there.
    apart,    ///< Another such block, and nothing else.
    kept,     ///< It is freed.
  };
  /// Memory, given back when it goes. Empty: none. 256-byte aligned.
  class Block {
   public:
    Block() = default;
    Block(Arena& arena, Kind kind, size_t bytes, void* data)
        : arena_(&arena), kind_(kind), bytes_(bytes), data_(data) {}
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
    Kind kind_ = Kind::passing;
    size_t bytes_ = 0;
    void* data_ = nullptr;
  };

  /// At least `bytes`; none for 0. What it holds is anything. Throws Error OUT_OF_MEMORY, after having freed
  /// all that nobody uses.
  Block take(size_t bytes, Kind kind = Kind::passing);
  /// Kind::kept: for what stays, as weights do.
  Block keep(size_t bytes) { return take(bytes, Kind::kept); }
  /// While a pass is recorded: blocks that are there may be taken; asking for more throws Error INTERNAL.
  void close(bool closed) { closed_ = closed; }
  /// How often memory that was given back was freed.
  uint64_t frees() const { return frees_; }

 private:
  /// Blocks of one kind and size.
  struct Shelf {
    std::vector<void*> free;  ///< With room for all, so that giving one back cannot fail.
    size_t made = 0;
  };
  void* make(size_t bytes, Shelf& shelf);
  void give_back(Kind kind, size_t bytes, void* data);
  bool wait();
  void shrink();
  void free_unused();
  void free(void* data);

  Place place_;
  int device_;
  CUstream_st* stream_;
  std::map<std::pair<Kind, size_t>, Shelf> shelves_;
  uint64_t frees_ = 0;
  bool closed_ = false;
};

}  // namespace twofour::cuda
