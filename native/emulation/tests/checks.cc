#include "emulation/tests/checks.h"

#include <cstdio>

namespace twofour::emulation {

void Checks::check(const std::string& what, bool holds, const std::string& got) {
  ++(holds ? passed_ : failed_);
  std::printf("%s %s\n", holds ? "ok    " : "FAILED", what.c_str());
  if (!holds && !got.empty()) std::printf("       %s\n", got.c_str());
  // What a sanitizer ends is seen up to the check before.
  std::fflush(stdout);
}

int Checks::report() const {
  std::printf("%d passed, %d failed\n", passed_, failed_);
  return failed_ == 0 ? 0 : 1;
}

}  // namespace twofour::emulation
