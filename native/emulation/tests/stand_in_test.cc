// The stand-in itself: right use gives right numbers, each rule is broken once and found, each fault comes.
#include <unistd.h>

#include <cstdio>

#include "emulation/runtime/stand_in.h"
#include "emulation/tests/stand_in/check.h"

namespace twofour::emulation::checks {
namespace {

int passed = 0, failed = 0;
long seen = 0;

}  // namespace

void check(bool good, const std::string& what) {
  ++(good ? passed : failed);
  if (!good) std::printf("failed: %s\n", what.c_str());
}

void check_breach(const std::string& part, const std::string& what) {
  const std::string newest = emulation_last_breach();
  const bool found = emulation_breach_count() > seen && newest.find(part) != std::string::npos;
  check(found, what + ": expected a breach with \"" + part + "\", got \"" + newest + "\"");
  seen = emulation_breach_count();
}

void check_refusal(const std::string& part, const std::string& what) {
  const std::string newest = emulation_last_breach();
  check(emulation_breach_count() == seen && newest.find(part) != std::string::npos,
        what + ": expected a refusal with \"" + part + "\", got \"" + newest + "\"");
}

void check_clean(const std::string& what) {
  check(emulation_breach_count() == seen, what + ": " + emulation_last_breach());
  seen = emulation_breach_count();
}

std::string folder() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  const std::string whole(path, length > 0 ? static_cast<size_t>(length) : 0);
  return whole.substr(0, whole.rfind('/'));
}

int finish() {
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

void reset() {
  emulation_reset();
  seen = 0;
}

}  // namespace twofour::emulation::checks

int main() {
  using namespace twofour::emulation::checks;
  for (const auto group : {check_runtime, check_graphs, check_cublaslt, check_cusparselt, check_faults}) {
    group();
    check(std::string(emulation_outstanding()).empty(), std::string("left over: ") + emulation_outstanding());
    reset();
  }
  return finish();
}
