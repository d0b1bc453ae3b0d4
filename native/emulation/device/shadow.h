#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace twofour::emulation {

/// What is wrong with an access to shared memory, and the other thread (its number in the block) that it
/// meets.
struct Conflict {
  enum class Kind { none, unwritten, pending, written, read };
  Kind kind = Kind::none;
  unsigned thread = 0;
};

/// Who touched which byte of a block's shared memory when. Two accesses, one of them a write, of different
/// threads are in conflict unless a barrier lies between, or a __syncwarp of both; or of a third lane that
/// met both, and so on. With partial masks of __syncwarp a few accesses that are in order may be called a
/// conflict. Old blocks' entries are told by their number: nothing is cleared between blocks.
class Shadow {
 public:
  explicit Shadow(size_t bytes);

  void begin_block();
  void barrier() { ++epoch_; }
  void sync_warp(unsigned warp, uint32_t lanes);

  /// `lanes` of `warp` read the bytes: one lane its own, all lanes those of a matrix.
  Conflict read(size_t place, size_t bytes, unsigned warp, uint32_t lanes);
  Conflict write(size_t place, size_t bytes, unsigned thread);
  /// An asynchronous copy of `thread` begins, and ends: between, the bytes are nobody's.
  Conflict begin_copy(size_t place, size_t bytes, unsigned thread);
  void end_copy(size_t place, size_t bytes, unsigned thread);

 private:
  /// Of one byte, or of a word of 4 whose bytes have the same history.
  struct Cell {
    uint32_t written_epoch = 0, written_generation = 0;
    uint32_t read_epoch = 0, read_generation = 0, read_lanes = 0;
    /// The block in which this word's bytes got histories of their own.
    uint32_t split_in = 0;
    uint16_t writer = 0, read_warp = 0, other_reader = 0;
    bool pending = false, read_by_more = false;
  };
  /// Generations count the __syncwarp of a warp. `known[a][b]`: what lane b did up to this generation is
  /// before what lane a does now.
  struct Warp {
    uint32_t generation = 1, last_full = 0;
    bool has_partial = false;
    std::array<std::array<uint32_t, 32>, 32> known{};
  };

  template <class Visit>
  Conflict each_cell(size_t place, size_t bytes, bool uniform_after, const Visit& visit);
  Conflict check_read(const Cell& cell, unsigned warp, uint32_t lanes) const;
  Conflict check_write(const Cell& cell, unsigned thread) const;
  void record_read(Cell& cell, unsigned warp, uint32_t lanes) const;
  void record_write(Cell& cell, unsigned thread, bool pending) const;
  Conflict write_or_copy(size_t place, size_t bytes, unsigned thread, bool pending);
  bool known_to(unsigned warp, uint32_t lanes, unsigned other, uint32_t generation) const;

  std::vector<Cell> words_, bytes_;
  std::vector<Warp> warps_;
  /// Counts barriers and blocks; a cell of an epoch before the block's first belongs to another block.
  uint32_t epoch_ = 0, first_epoch_ = 0;
};

}  // namespace twofour::emulation
