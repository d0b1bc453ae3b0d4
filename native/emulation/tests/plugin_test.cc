// The plugin by its door, over the stand-in: what it does where memory, libraries and devices fail, and that
// its steady path creates nothing.
#include <malloc.h>

#include "emulation/tests/plugin/parts.h"

int main() {
  using namespace twofour::emulation;
  // Thousands of models come and go: their memory is kept for the next.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  Checks checks;
  check_one_scale(checks);
  check_hot_path(checks);
  check_machines(checks);
  check_threads(checks);
  check_tuning(checks);
  check_sharing(checks);
  check_lost(checks);
  check_memory(checks);
  check_statuses(checks);
  return checks.report();
}
