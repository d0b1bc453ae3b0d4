#pragma once
#include <source_location>
#include <string>
#include <string_view>

#include "emulation/device/sentence.h"

namespace twofour::emulation {

/// The place in a kernel's source that calls.
using Where = std::source_location;

inline bool same_place(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column();
}

/// "attention.cu:12".
inline std::string name_of(const Where& where) {
  const std::string_view file = where.file_name();
  return sentence(file.substr(file.rfind('/') + 1), ":", where.line());
}

}  // namespace twofour::emulation
