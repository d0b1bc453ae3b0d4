#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace wrappers {

/// Words in memory that kernels reach: a card's, or the emulator's. Throws std::runtime_error.
class Buffer {
 public:
  explicit Buffer(const std::vector<uint32_t>& words);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  uint32_t* words() const { return words_; }
  /// Waits for the kernels first.
  std::vector<uint32_t> download() const;

 private:
  uint32_t* words_ = nullptr;
  size_t count_;
};

/// Compute capability, as 10 · major + minor; of the emulator 0.
int compute_capability();

}  // namespace wrappers
