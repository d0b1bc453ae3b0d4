#pragma once
#include <cstdint>
#include <vector>

namespace wrappers {

/// How results are compared: bit for bit; as floats, where every NaN is like another; or as floats that may
/// be two units in the last place apart.
enum class Likeness : uint8_t { bits, numbers, near };

/// One name of native/cuda/device/device.h, in a kernel of its own: each thread of a block of 128 makes
/// `out_words` words of `in_words`. A block has all of what a kernel shares.
struct Wrapper {
  const char* name;
  Likeness likeness;
  unsigned in_words, out_words;
  /// What threads are given: threads · in_words words, threads a multiple of 128.
  std::vector<uint32_t> (*inputs)();
  /// cudaError_t.
  int (*start)(const uint32_t* in, uint32_t* out, unsigned blocks);
};

inline constexpr unsigned kThreads = 128;

const std::vector<Wrapper>& all();

}  // namespace wrappers
