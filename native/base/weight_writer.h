#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/control.h"
#include "base/weight_source.h"

namespace twofour {

/// Writes `header`, then the bytes of each tensor in its form, to a new file (which must not exist).
/// Does not sync or publish: the caller does. On failure the half-written file stays for the caller to
/// remove. Throws Error FILE_UNWRITABLE, what read_bytes throws, and Cancelled.
void write_tensors(const std::string& path, std::span<const std::byte> header,
                   const std::vector<WeightSource>& tensors, Control& control);

}  // namespace twofour
