#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/control.h"
#include "base/weight_source.h"

namespace twofour {

/// A tensor with what goes before it in the file, and how its elements are written: in the stored dtype, or
/// as little-endian fp32, row by row or (the result's columns first) transposed.
struct WrittenTensor {
  enum class As : uint8_t { stored, floats, transposed_floats };
  std::vector<std::byte> before;
  WeightSource source;
  As as = As::stored;
};

/// Writes `header`, then the bytes of each tensor in its form, to a new file (which must not exist).
/// Does not sync or publish: the caller does. On failure the half-written file stays for the caller to
/// remove. Throws Error FILE_UNWRITABLE, what read_bytes and read_floats throw, and Cancelled.
void write_tensors(const std::string& path, std::span<const std::byte> header,
                   const std::vector<WrittenTensor>& tensors, Control& control);

}  // namespace twofour
