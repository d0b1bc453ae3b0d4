#pragma once
#include <string>

namespace twofour::emulation {

/// Counts and prints checks.
class Checks {
 public:
  /// `what` is a sentence; `got` is shown where it does not hold.
  void check(const std::string& what, bool holds, const std::string& got = "");
  /// Prints `N passed, N failed`; the program's exit code.
  int report() const;

 private:
  int passed_ = 0, failed_ = 0;
};

}  // namespace twofour::emulation
