// The plugin by its door, over the stand-in: what it does where memory, libraries and devices fail, and that
// its steady path creates nothing.
#include "emulation/tests/plugin/parts.h"

int main() {
  using namespace twofour::emulation;
  Checks checks;
  check_hot_path(checks);
  check_machines(checks);
  check_threads(checks);
  check_lost(checks);
  check_memory(checks);
  check_statuses(checks);
  return checks.report();
}
